package stepwise.jenkins.engine

import groovy.transform.Immutable

/** What carries out the scripts of `sh`. */
interface Shell {
  Answer run(String script, File folder, Map<String, String> environment)

  @Immutable
  static class Answer {
    int code
    String output
  }
}

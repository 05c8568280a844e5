package stepwise.jenkins

import groovy.json.JsonOutput
import stepwise.jenkins.engine.Shell

/** Stands in for the binary: it answers as a test wants, and keeps what it was called with. */
class Binary implements Shell {
  /** Exit codes by a part of the script. */
  final Map<String, Integer> codes = [:]
  List<String> unsetSecrets = ['CPD_API_KEY']
  /** Those that are read and set. */
  List<String> setSecrets = []
  /** Happens while the script with this part runs. */
  final Map<String, Closure> happens = [:]
  final List<String> scripts = []
  final List<Map<String, String>> environments = []

  @Override
  Shell.Answer run(String script, File folder, Map<String, String> environment) {
    scripts << script
    environments << environment
    // What an earlier call said of the run is gone as soon as another begins.
    if (script =~ / (run|cleanup) "/) { new File(folder, ".stepwise/${environment.STEPWISE_RUN}/headline.txt").delete() }
    happens.findAll { script.contains(it.key) }.each { it.value(folder, environment) }
    int code = codes.find { script.contains(it.key) }?.value ?: 0
    // What a shell makes of `||`, for a program that has failed and printed nothing.
    String otherwise = code && script.contains(' || echo ') ? script.split(/ \|\| echo /)[1] : null
    if (otherwise) { return new Shell.Answer(0, otherwise.replace('"', '').replace('$?', "${code}") + '\n') }
    return new Shell.Answer(code, output(script, environment))
  }

  private String output(String script, Map<String, String> environment) {
    if (script.contains(' run-id ')) { return nameOf(environment.STEPWISE_BUILD) + '\n' }
    if (script.contains(' plan ')) {
      String pipeline = environment.STEPWISE_SPEC.replaceAll(/.*\/|\.yaml$/, '')
      Map plan = [pipeline: pipeline, unset_secrets: unsetSecrets, secret_variables: setSecrets + unsetSecrets]
      return JsonOutput.toJson(plan) + '\n'
    }
    return ''
  }

  /** The name of a build's run. */
  static String nameOf(String build) {
    build.replaceAll(/[^a-z0-9]+/, '-')
  }

  /** What the environments were when scripts with this part ran. */
  List<Map<String, String>> environmentsOf(String part) {
    scripts.findIndexValues { it.contains(part) }.collect { environments[it as int] }
  }

  /** What the environment was when the script with this part ran. */
  Map<String, String> environmentOf(String part) {
    environmentsOf(part)[0]
  }
}

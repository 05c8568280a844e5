package stepwise.jenkins

/** What the README shows. */
class Readme {
  /** The blocks of a language, in order. */
  static List<String> blocks(String language) {
    String text = new File(LibraryTestCase.REPOSITORY, 'README.md').text
    text.split(/```/).toList().indexed().findAll { n, part -> n % 2 == 1 && part.startsWith(language + '\n') }
      .collect { n, part -> part - (language + '\n') }
  }
}

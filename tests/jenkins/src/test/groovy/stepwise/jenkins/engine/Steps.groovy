package stepwise.jenkins.engine

/** The steps of Pipeline and of three plugins, on real files; `sh` goes to a shell that the test chooses. */
class Steps {
  private static final List<String> OF_PLUGINS = ['junit', 'publishHTML', 'stash']

  private final Controller jenkins
  private final File stashes
  /** Answers a call of `sh` with its exit code and what it printed. */
  Shell shell
  private final Map<String, String> failing = [:]
  /** Every call of a step in this list, with its arguments. */
  final List<List> calls = []

  Steps(Controller jenkins, File stashes, File repository, Shell shell) {
    this.jenkins = jenkins
    this.stashes = stashes
    this.shell = shell
    step('sh', [Map]) { Map arguments -> sh(arguments) }
    step('sh', [String]) { String script -> sh(script: script) }
    step('echo', [String]) { String text -> jenkins.build.log << text }
    step('error', [String]) { String text -> throw new AbortException(text) }
    step('unstable', [String]) { String text ->
      jenkins.build.log << text
      jenkins.build.worsen('UNSTABLE')
    }
    step('pwd', []) { folder().path }
    step('fileExists', [String]) { String name -> new File(folder(), name).exists() }
    step('readFile', [Map]) { Map arguments -> new File(folder(), arguments.file as String).getText(arguments.encoding as String) }
    step('libraryResource', [String]) { String name -> new File(repository, "resources/${name}").text }
    step('checkout', [Object]) { }
    step('archiveArtifacts', [Map]) { }
    step('junit', [Map]) { Map arguments -> junit(arguments) }
    step('publishHTML', [Map]) { }
    step('stash', [Map]) { Map arguments -> stash(arguments) }
    step('unstash', [Map]) { Map arguments -> copy(stashed(arguments.name as String), folder()) { true } }
  }

  /** Takes a plugin away. */
  void without(String step) {
    assert step in OF_PLUGINS
    jenkins.forget(step)
  }

  /** Has a step fail from now on. */
  void fails(String name, String why) {
    failing[name] = why
  }

  private void step(String name, List<Class> parameters, Closure action) {
    jenkins.registerAllowedMethod(name, parameters) { Object... arguments ->
      calls << [name, *arguments]
      if (failing[name]) { throw new AbortException(failing[name]) }
      action(*arguments)
    }
  }

  private File folder() {
    Map<String, String> environment = jenkins.environment()
    if (!environment.WORKSPACE) { throw new AbortException('this step needs an agent') }
    File workspace = new File(environment.WORKSPACE)
    return environment.WORKSPACE_FOLDER ? new File(workspace, environment.WORKSPACE_FOLDER) : workspace
  }

  private Object sh(Map arguments) {
    Shell.Answer answer = shell.run(arguments.script as String, folder(), jenkins.environment())
    if (arguments.returnStatus) { return answer.code }
    if (answer.code != 0) { throw new AbortException("script returned exit code ${answer.code}") }
    return arguments.returnStdout ? answer.output : null
  }

  private void junit(Map arguments) {
    File results = new File(folder(), arguments.testResults as String)
    if (!results.exists() && !arguments.allowEmptyResults) { throw new AbortException('there are no test results') }
    if (results.exists() && results.text =~ /<(failure|error)\b/) { jenkins.build.worsen('UNSTABLE') }
  }

  private void stash(Map arguments) {
    File stash = new File(stashes, arguments.name as String)
    stash.deleteDir()
    stash.mkdirs()
    String included = (arguments.includes as String) - '/**'
    String excluded = (arguments.excludes as String) - '/**'
    copy(folder(), stash) { String path -> path.startsWith(included + '/') && !path.startsWith(excluded + '/') }
  }

  private File stashed(String name) {
    File stash = new File(stashes, name)
    if (!stash.exists()) { throw new AbortException("No such saved stash ‘${name}’") }
    return stash
  }

  private static void copy(File from, File to, Closure<Boolean> wanted) {
    from.eachFileRecurse { File file ->
      String path = from.toPath().relativize(file.toPath()).toString()
      if (!file.file || !wanted(path)) { return }
      File copy = new File(to, path)
      copy.parentFile.mkdirs()
      copy.bytes = file.bytes
    }
  }
}

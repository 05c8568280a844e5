package stepwise.jenkins

import stepwise.jenkins.engine.Shell

/** Stands in for the binary: it answers as a test wants, and keeps what it was called with. */
class Binary implements Shell {
  /** Exit codes by a part of the script. */
  final Map<String, Integer> codes = [:]
  List<String> unsetSecrets = ['CPD_API_KEY']
  /** Happens while the script with this part runs. */
  final Map<String, Closure> happens = [:]
  final List<String> scripts = []
  final List<Map<String, String>> environments = []

  @Override
  Shell.Answer run(String script, File folder, Map<String, String> environment) {
    scripts << script
    environments << environment
    happens.findAll { script.contains(it.key) }.each { it.value(folder, environment) }
    return new Shell.Answer(codes.find { script.contains(it.key) }?.value ?: 0, output(script, environment))
  }

  private String output(String script, Map<String, String> environment) {
    if (script.contains(' run-id ')) { return "run-of-${environment.BUILD_TAG}\n" }
    if (script.contains(' plan ')) { return "{\"unset_secrets\": [${unsetSecrets.collect { "\"${it}\"" }.join(', ')}]}\n" }
    return ''
  }

  /** What the environment was when the script with this part ran. */
  Map<String, String> environmentOf(String part) {
    environments[scripts.findIndexOf { it.contains(part) }]
  }
}

package stepwise.jenkins

import stepwise.jenkins.engine.Interruption
import stepwise.jenkins.engine.Shell

/** An agent's shell, as Jenkins runs scripts: the real binary is on the PATH unless a test says otherwise. */
class Machine implements Shell {
  static final File TARGET = new File(System.getProperty('target')).canonicalFile
  static final File BINARY = new File(TARGET, 'debug/stepwise')

  String path = "${BINARY.parent}:${System.getenv('PATH')}"
  /** The step that is aborted, and what must have happened by then. */
  String aborted
  Closure<Boolean> sign
  /** Everything that the scripts have printed, as the build's log would show it. */
  final StringBuffer log = new StringBuffer()

  @Override
  Shell.Answer run(String script, File folder, Map<String, String> environment) {
    ProcessBuilder builder = new ProcessBuilder('sh', '-xec', script).directory(folder)
    builder.environment().clear()
    builder.environment().putAll([PATH: path, STEPWISE_CACHE: new File(TARGET, 'jenkins/cache').path] + environment)
    Process process = builder.start()
    Thread errors = process.consumeProcessErrorStream(log)
    if (environment.STEPWISE_STEP == aborted && script.contains('--only')) { abort(process) }
    String output = process.inputStream.text
    int code = process.waitFor()
    errors.join()
    return new Shell.Answer(code, output)
  }

  /** Jenkins sends SIGTERM to all processes of the step, and after a while goes on whether they have ended or not. */
  private void abort(Process process) {
    while (!sign()) {
      assert process.alive : "the step has ended by itself:\n${log}"
      Thread.yield()
    }
    process.toHandle().descendants().each { it.destroy() }
    process.toHandle().destroy()
    throw new Interruption()
  }
}

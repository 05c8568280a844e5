package stepwise.jenkins.engine

/** All that a running pipeline is made of, and so all that survives a restart of Jenkins. */
class Program implements Serializable {
  final List<Frame> frames = []
  /** The variables of the loaded libraries by name, one instance a build. */
  final Map<String, Script> variables = [:]
  /** The step at which the program is suspended. */
  StepCall call

  Frame getTop() {
    frames.last()
  }

  /** The innermost frame of a step. */
  Frame innermost(String... steps) {
    frames.reverse().find { it.step in steps }
  }
}

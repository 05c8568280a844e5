package stepwise.jenkins.engine

/** A pipeline step that a script has called, and at which it is suspended. */
class StepCall implements Serializable {
  final String name
  final Object[] arguments

  StepCall(String name, Object[] arguments) {
    this.name = name
    this.arguments = arguments
  }

  /** The block of a step that has one. */
  Closure getBody() {
    arguments && arguments.last() instanceof Closure ? arguments.last() as Closure : null
  }

  /** Its first argument, if that is not the block. */
  Object getArgument() {
    arguments && !(arguments.first() instanceof Closure) ? arguments.first() : null
  }
}

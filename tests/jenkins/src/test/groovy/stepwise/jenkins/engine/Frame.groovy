package stepwise.jenkins.engine

import com.cloudbees.groovy.cps.Continuable

/** The script itself, or the block of a step that is under way. */
class Frame implements Serializable {
  /** The step's name. */
  final String step
  final Continuable code
  /** What the block sees of the environment beyond what is around it. */
  final Map<String, String> variables = [:]
  /** Declarative: what `when` has found. */
  final List<Boolean> conditions = []
  /** Declarative: whether `when` forbids the rest of the stage. */
  boolean skipped
  /** Declarative: why the stages failed, while `post` still runs. */
  Throwable failure

  Frame(String step, Continuable code) {
    this.step = step
    this.code = code
  }
}

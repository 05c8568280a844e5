package stepwise.jenkins.engine

import com.cloudbees.groovy.cps.Outcome

/**
 * Steps with a block, and the sections of a declarative pipeline, which here are such steps too. Jenkins makes these of
 * the parsed source; what they do is the same: `post` follows failed stages, `when` leaves one out, a block ends when
 * its code does.
 */
class Declarative {
  /** What stands in a declarative pipeline without being called. */
  static final List<String> WORDS = ['any', 'none', 'scm']
  /** Sections whose content is only declared. */
  private static final List<String> DECLARATIONS = ['options', 'parameters', 'triggers', 'agent', 'kubernetes']
  private static final List<String> BLOCKS = [
    'pipeline', 'stages', 'stage', 'steps', 'post', 'when', 'environment', 'script', 'node', 'container', 'dir',
    'withEnv', 'withCredentials', 'timeout', 'podTemplate', 'catchError', 'not', 'anyOf', 'allOf', 'expression', 'always',
    'success', 'failure', 'unstable', 'aborted', *DECLARATIONS,
  ]
  private static final List<String> CONDITIONS = ['branch', 'changeRequest', 'buildingTag', 'triggeredBy', 'beforeAgent']

  private final Controller controller

  Declarative(Controller controller) {
    this.controller = controller
  }

  boolean knows(StepCall call) {
    (call.body && call.name in BLOCKS) || call.name == 'agent' || call.name in CONDITIONS || isDeclared()
  }

  private boolean isDeclared() {
    controller.program.top.step in DECLARATIONS
  }

  /** Begins a step: its block is entered, or it has a value at once. */
  Outcome begin(StepCall call) {
    Program program = controller.program
    if (program.top.skipped && call.name in ['agent', 'environment', 'stages', 'steps', 'post']) { return new Outcome(null, null) }
    if (program.top.step == 'post' && !applies(call.name)) { return new Outcome(null, null) }
    if (call.name in CONDITIONS) {
      if (call.name != 'beforeAgent') { program.top.conditions << holds(call) }
      return new Outcome(null, null)
    }
    if (!call.body) {
      if (call.name == 'agent' && call.argument == 'any') { allocate(program.top) }
      return new Outcome(null, null)
    }
    Frame outer = program.top
    Frame frame = controller.enter(call.name, call.body)
    switch (call.name) {
      case 'agent': allocate(outer); break
      case 'node': allocate(frame); break
      case 'dir': frame.variables.WORKSPACE_FOLDER = call.argument as String; break
      case 'withEnv':
        (call.argument as List).each { frame.variables.putAll(assignment(it as String)) }
        break
      case 'withCredentials': frame.variables.putAll(controller.secrets(call.argument as List)); break
    }
    return new Outcome(null, null)
  }

  /** Ends a block. Answers what its step answers to the code around it. */
  Outcome ended(Frame frame, Outcome outcome) {
    Frame outer = controller.program.top
    switch (frame.step) {
      case ['stages', 'steps']:
        // What follows is `post`, and then the end of what is around.
        if (outer.step == 'stage' || outer.step == 'pipeline') {
          outer.failure = outcome.abnormal
          if (outcome.abnormal) {
            controller.build.worsen(outcome.abnormal instanceof Interruption ? 'ABORTED' : 'FAILURE')
          }
          return new Outcome(null, null)
        }
        return outcome
      case ['stage', 'pipeline']:
        return frame.failure && !outcome.abnormal ? new Outcome(null, frame.failure) : outcome
      case 'when':
        outer.skipped = !frame.conditions.every()
        return outcome
      case 'not':
        outer.conditions << !frame.conditions.every()
        return outcome
      case 'allOf':
        outer.conditions << frame.conditions.every()
        return outcome
      case 'anyOf':
        outer.conditions << frame.conditions.any()
        return outcome
      case 'expression':
        outer.conditions << (outcome.normal as boolean)
        return outcome
      case 'catchError':
        if (outcome.abnormal) { controller.build.worsen('FAILURE') }
        return new Outcome(null, null)
      default:
        return outcome
    }
  }

  private boolean applies(String condition) {
    condition == 'always' || condition.toUpperCase() == controller.build.result
  }

  private boolean holds(StepCall call) {
    Map<String, String> environment = controller.environment()
    switch (call.name) {
      case 'branch': return environment.BRANCH_NAME == call.argument
      case 'changeRequest': return environment.CHANGE_ID != null
      case 'triggeredBy': return environment.TRIGGERED_BY == call.argument
      case 'buildingTag': return environment.TAG_NAME != null
    }
  }

  private void allocate(Frame frame) {
    frame.variables.putAll(controller.allocate())
  }

  private static Map<String, String> assignment(String text) {
    List<String> parts = text.split('=', 2) as List
    [(parts[0]): parts[1]]
  }
}

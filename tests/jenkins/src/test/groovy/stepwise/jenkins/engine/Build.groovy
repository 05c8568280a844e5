package stepwise.jenkins.engine

/** A build: what outlives every script of it. */
class Build {
  static final List<String> RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED']

  /** The variables that Jenkins sets, and those that scripts set on `env`. */
  final Map<String, String> environment = [:]
  final Map<String, Object> parameters = [:]
  final List<String> log = []
  String description
  String result = 'SUCCESS'

  /** A result never gets better. */
  void worsen(String to) {
    if (RESULTS.indexOf(to) > RESULTS.indexOf(result)) { result = to }
  }
}

/** What `error` and a failing `sh` throw: it has no stack trace worth a look. */
class AbortException extends Exception {
  AbortException(String message) { super(message) }
}

/** What a step throws when somebody aborts the build. */
class Interruption extends Exception {
  Interruption() { super('aborted') }
}

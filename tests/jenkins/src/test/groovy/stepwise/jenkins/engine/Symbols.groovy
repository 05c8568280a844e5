package stepwise.jenkins.engine

/** Words that are no steps: they describe something, and are not suspended at. */
class Symbols {
  static final Map<String, Closure> ALL = [
    string: { Map arguments -> [kind: 'string'] + arguments },
    usernamePassword: { Map arguments -> [kind: 'usernamePassword'] + arguments },
    booleanParam: { Map arguments -> [kind: 'booleanParam'] + arguments },
    choice: { Map arguments -> [kind: 'choice'] + arguments },
    logRotator: { Map arguments -> [kind: 'logRotator'] + arguments },
  ]
}

package stepwise.jenkins.engine

/** `env`: what is set on it holds for the rest of the build, what stands around the code comes first. */
class BuildEnvironment extends GroovyObjectSupport implements Serializable {
  @Override
  Object getProperty(String name) {
    Controller.current.environment()[name]
  }

  @Override
  void setProperty(String name, Object value) {
    Controller.current.build.environment[name] = String.valueOf(value)
  }

  /** It is the build's, before and after a restart. */
  private Object readResolve() {
    Controller.current.global('env')
  }
}

/** `currentBuild`. */
class CurrentBuild extends GroovyObjectSupport implements Serializable {
  @Override
  Object getProperty(String name) {
    switch (name) {
      case 'currentResult': return Controller.current.build.result
      case 'result': return Controller.current.build.result
      case 'description': return Controller.current.build.description
      default: throw new MissingPropertyException(name, CurrentBuild)
    }
  }

  @Override
  void setProperty(String name, Object value) {
    switch (name) {
      case 'description': Controller.current.build.description = value; break
      case 'result': Controller.current.build.worsen(value as String); break
      default: throw new MissingPropertyException(name, CurrentBuild)
    }
  }

  private Object readResolve() {
    Controller.current.global('currentBuild')
  }
}

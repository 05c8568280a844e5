package stepwise.jenkins.engine

import com.cloudbees.groovy.cps.SerializableScript

/** Base class of all scripts, as CpsScript is in Jenkins: what a script does not know itself is a variable or a step. */
abstract class PipelineScript extends SerializableScript {
  @Override
  Object invokeMethod(String name, Object arguments) {
    Controller.current.invoke(name, arguments as Object[])
  }

  @Override
  Object getProperty(String name) {
    Controller.current.hasGlobal(name) ? Controller.current.global(name) : super.getProperty(name)
  }

  @Override
  void setProperty(String name, Object value) {
    if (!Controller.current.assigns(name, value)) { super.setProperty(name, value) }
  }
}

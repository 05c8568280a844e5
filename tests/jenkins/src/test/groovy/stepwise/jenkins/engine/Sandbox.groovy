package stepwise.jenkins.engine

import com.cloudbees.groovy.cps.CpsDefaultGroovyMethods
import com.cloudbees.groovy.cps.impl.CallSiteBlock
import com.cloudbees.groovy.cps.sandbox.DefaultInvoker
import com.cloudbees.groovy.cps.sandbox.Invoker
import groovy.json.JsonSlurper
import org.codehaus.groovy.runtime.GStringImpl
import org.codehaus.groovy.runtime.ScriptBytecodeAdapter

/**
 * What code in Jenkins' sandbox may call beside steps and itself, as far as this library does: a library of a folder
 * has no more rights. Each line is one of script-security's generic whitelist.
 */
class Sandbox extends DefaultInvoker {
  private static final Map<Class, List<String>> ALLOWED = [
    (Class): ['isInstance'],
    (JsonSlurper): ['parseText'],
    (Map): ['keySet', 'get', 'put', 'plus', 'isEmpty', 'size'],
    (Collection): ['contains', 'removeAll', 'join', 'leftShift', 'plus', 'isEmpty', 'size', 'each', 'sort'],
    (List): ['getAt', 'get'],
    (Iterable): ['iterator'],
    (Iterator): ['hasNext', 'next'],
    (CharSequence): ['plus', 'minus', 'readLines', 'trim', 'startsWith'],
    (Throwable): ['getMessage'],
    (Number): ['plus', 'compareTo', 'next', 'previous'],
  ]
  /** What operators, typed variables and Jenkins' own `each` are compiled to. */
  private static final List<Class> LANGUAGE = [CpsDefaultGroovyMethods, ScriptBytecodeAdapter]
  private static final List<Class> CONSTRUCTED = [ArrayList, GStringImpl, JsonSlurper]

  @Override
  Object methodCall(Object receiver, String method, Object[] arguments) {
    if (!isPipeline(receiver) && !allowed(receiver, method)) { refuse("method ${receiver?.getClass()?.name} ${method}") }
    return super.methodCall(receiver, method, arguments)
  }

  @Override
  Object constructorCall(Class type, Object[] arguments) {
    if (!(type in CONSTRUCTED)) { refuse("new ${type.name}") }
    return super.constructorCall(type, arguments)
  }

  @Override
  Object getProperty(Object receiver, String name) {
    if (!isPipeline(receiver) && !(receiver instanceof Map)) { refuse("property ${receiver?.getClass()?.name} ${name}") }
    return super.getProperty(receiver, name)
  }

  @Override
  Invoker contextualize(CallSiteBlock site) {
    this
  }

  private static boolean isPipeline(Object receiver) {
    receiver instanceof PipelineScript || receiver instanceof Closure || receiver instanceof BuildEnvironment ||
      receiver instanceof CurrentBuild || receiver in LANGUAGE
  }

  private static boolean allowed(Object receiver, String method) {
    ALLOWED.any { type, methods -> type.isInstance(receiver) && method in methods }
  }

  private static void refuse(String what) {
    throw new SecurityException("Scripts not permitted to use ${what}")
  }
}

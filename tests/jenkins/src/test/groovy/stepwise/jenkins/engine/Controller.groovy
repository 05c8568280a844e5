package stepwise.jenkins.engine

import com.cloudbees.groovy.cps.Continuable
import com.cloudbees.groovy.cps.Continuation
import com.cloudbees.groovy.cps.CpsTransformer
import com.cloudbees.groovy.cps.Envs
import com.cloudbees.groovy.cps.NonCPS
import com.cloudbees.groovy.cps.ObjectInputStreamWithLoader
import com.cloudbees.groovy.cps.Outcome
import com.cloudbees.groovy.cps.impl.CpsCallableInvocation
import com.lesfurets.jenkins.unit.PipelineTestHelper
import com.lesfurets.jenkins.unit.global.lib.Library
import com.lesfurets.jenkins.unit.global.lib.LibraryAnnotationTransformer
import com.lesfurets.jenkins.unit.global.lib.LibraryLoader
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.customizers.CompilationCustomizer
import org.codehaus.groovy.control.customizers.ImportCustomizer
import org.codehaus.groovy.runtime.InvokerHelper

/**
 * Runs pipelines as Jenkins does. All code of scripts and libraries is transformed by groovy-cps; at every step it is
 * suspended, and before the step is carried out Jenkins restarts: the program is serialized and read back with
 * classes that were loaded anew.
 */
class Controller extends PipelineTestHelper {
  static Controller current

  /** Compiles the libraries, each once for all tests. */
  private static final RecordingLoader LIBRARIES = new RecordingLoader(Controller.classLoader, transformed())
  private static final List<Class> CATEGORIES = Continuable.categories + [Iterators]

  final Build build = new Build()
  final Declarative declarative = new Declarative(this)
  Agents agents
  /** What the credentials store holds, by id: a text, or a user name and a password. */
  final Map<String, Object> credentials = [:]
  /** How often the program was read back. */
  int restarts
  Program program

  private final Map<String, Object> globals = [env: new BuildEnvironment(), currentBuild: new CurrentBuild()]
  private final Sandbox sandbox = new Sandbox()
  private RecordingLoader loader
  private ClassLoader classes

  @Override
  Controller init() {
    current = this
    libLoader = new LibraryLoader(LIBRARIES, libraries)
    loader = new RecordingLoader(getClass().classLoader, transformed(new LibraryAnnotationTransformer(libLoader)))
    globals.params = build.parameters
    return this
  }

  private static CompilerConfiguration transformed(CompilationCustomizer... more) {
    CompilerConfiguration configuration = new CompilerConfiguration(scriptBaseClass: PipelineScript.name)
    configuration.addCompilationCustomizers(more)
    configuration.addCompilationCustomizers(new ImportCustomizer().addImports(Library.name, NonCPS.name), new CpsTransformer())
    return configuration
  }

  /** Runs a pipeline to its end. Answers what it threw, if anything. */
  Throwable run(String text) {
    GroovyCodeSource source = new GroovyCodeSource(text, 'Jenkinsfile', '/pipeline')
    source.cachable = false
    Class script = loader.parseClass(source)
    program = new Program()
    classes = LIBRARIES
    program.frames << new Frame('build', new Continuable(InvokerHelper.createScript(script, new Binding()), Envs.empty(sandbox)))
    CpsCallableInvocation.registerMismatchHandler { Object receiver, String name, Object actual, String caught ->
      mismatch(name, actual, caught)
    }
    try {
      Throwable thrown = toTheEnd().abnormal
      if (thrown) { build.worsen(thrown instanceof Interruption ? 'ABORTED' : 'FAILURE') }
      return thrown
    } finally {
      CpsCallableInvocation.registerMismatchHandler(null)
    }
  }

  private Outcome toTheEnd() {
    Outcome next = new Outcome(null, null)
    while (true) {
      Frame frame = program.top
      Outcome outcome = frame.code.run0(next, CATEGORIES)
      if (frame.code.resumable) {
        program.call = outcome.normal as StepCall
        restart()
        next = carryOut(program.call)
      } else {
        program.frames.remove(program.frames.size() - 1)
        if (!program.frames) { return outcome }
        next = declarative.ended(frame, outcome)
      }
    }
  }

  /** What Jenkins does between two steps at worst. */
  private void restart() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream()
    new ObjectOutputStream(bytes).writeObject(program)
    classes = new ReplayingLoader(getClass().classLoader, LIBRARIES.classes + loader.classes)
    program = new ObjectInputStreamWithLoader(new ByteArrayInputStream(bytes.toByteArray()), classes).readObject() as Program
    restarts++
  }

  /** A plain method of Groovy or Java that calls back into transformed code loses what comes after the first step. */
  private void mismatch(String expected, Object actual, String caught) {
    boolean isVariable = caught == 'call' && program.variables[expected].is(actual)
    if (!isVariable) { throw new IllegalStateException("expected to call ${expected} but wound up catching ${caught}") }
  }

  /** Calls a variable of a library, or suspends the program at a step. */
  Object invoke(String name, Object[] arguments) {
    Script variable = variable(name)
    if (variable) { return InvokerHelper.getMetaClass(variable).invokeMethod(variable, 'call', arguments) }
    Closure symbol = Symbols.ALL[name]
    if (symbol) { return symbol(*arguments) }
    StepCall call = new StepCall(name, arguments)
    if (!declarative.knows(call) && !isMethodAllowed(name, arguments)) {
      throw new NoSuchMethodError("No such DSL method '${name}' found among steps")
    }
    return Continuable.suspend(name, call)
  }

  /** A variable of a loaded library: one instance for the build, made when it is first used. */
  private Script variable(String name) {
    if (!program.variables[name] && libLoader.libRecords.values().any { name in it.definedGlobalVars.keySet() }) {
      program.variables[name] = classes.loadClass(name).newInstance() as Script
    }
    return program.variables[name]
  }

  private Outcome carryOut(StepCall call) {
    registerMethodCall(this, program.frames.size(), call.name, call.arguments)
    try {
      if (isMethodAllowed(call.name, call.arguments)) {
        Object value = getAllowedMethodEntry(call.name, call.arguments).value?.call(*call.arguments)
        // A mock of a step with a block only looks at its arguments.
        if (!call.body) { return new Outcome(value, null) }
      }
      return declarative.begin(call)
    } catch (Throwable thrown) {
      return new Outcome(null, thrown)
    }
  }

  /** Goes on with a block. */
  Frame enter(String step, Closure body, Object... arguments) {
    try {
      body.call(*arguments)
      throw new IllegalStateException("the block of ${step} is not transformed")
    } catch (CpsCallableInvocation invocation) {
      program.frames << new Frame(step, new Continuable(invocation.invoke(Envs.empty(sandbox), null, Continuation.HALT)))
      return program.top
    }
  }

  /** Allocates an agent for a block. */
  Map<String, String> allocate() {
    agents.allocate()
  }

  /** The variables that bindings set. */
  Map<String, String> secrets(List<Map> bindings) {
    Map<String, String> variables = [:]
    bindings.each { Map binding ->
      Object secret = credentials[binding.credentialsId as String]
      if (secret == null) { throw new AbortException("Could not find credentials entry with ID '${binding.credentialsId}'") }
      if (binding.kind == 'string') {
        variables[binding.variable as String] = secret as String
      } else {
        variables[binding.usernameVariable as String] = secret.username as String
        variables[binding.passwordVariable as String] = secret.password as String
      }
    }
    return variables
  }

  /** Takes a step away, as if its plugin were not installed. */
  void forget(String step) {
    allowedMethodCallbacks.keySet().removeAll { it.name == step }
  }

  /** All variables as the code at hand sees them. */
  Map<String, String> environment() {
    program.frames.inject(new LinkedHashMap(build.environment)) { all, frame -> all + frame.variables }
  }

  boolean hasGlobal(String name) {
    globals.containsKey(name) || name in declarative.WORDS
  }

  Object global(String name) {
    globals[name] ?: name
  }

  /** In `environment {}` an assignment sets a variable of the environment. */
  boolean assigns(String name, Object value) {
    if (program.top.step != 'environment') { return false }
    program.innermost('stage', 'pipeline').variables[name] = String.valueOf(value)
    return true
  }
}

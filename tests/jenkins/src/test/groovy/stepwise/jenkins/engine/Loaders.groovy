package stepwise.jenkins.engine

import org.codehaus.groovy.ast.ClassNode
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.SourceUnit

/** Compiles scripts, and keeps what it made of them. */
class RecordingLoader extends GroovyClassLoader {
  final Map<String, byte[]> classes = [:]

  RecordingLoader(ClassLoader parent, CompilerConfiguration configuration) {
    super(parent, configuration)
  }

  @Override
  protected GroovyClassLoader.ClassCollector createCollector(CompilationUnit unit, SourceUnit source) {
    new Collector(new GroovyClassLoader.InnerLoader(this), unit, source, classes)
  }

  static class Collector extends GroovyClassLoader.ClassCollector {
    private final Map<String, byte[]> classes

    Collector(GroovyClassLoader.InnerLoader loader, CompilationUnit unit, SourceUnit source, Map<String, byte[]> classes) {
      super(loader, unit, source)
      this.classes = classes
    }

    @Override
    protected Class createClass(byte[] code, ClassNode node) {
      classes[node.name] = code
      return super.createClass(code, node)
    }
  }
}

/** Defines the same classes once more. */
class ReplayingLoader extends ClassLoader {
  private final Map<String, byte[]> classes

  ReplayingLoader(ClassLoader parent, Map<String, byte[]> classes) {
    super(parent)
    this.classes = classes
  }

  @Override
  protected Class<?> findClass(String name) {
    byte[] code = classes[name]
    if (code == null) { throw new ClassNotFoundException(name) }
    return defineClass(name, code, 0, code.length)
  }
}

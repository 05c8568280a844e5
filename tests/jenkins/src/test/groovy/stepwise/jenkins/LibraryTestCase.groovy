package stepwise.jenkins

import static com.lesfurets.jenkins.unit.global.lib.LibraryConfiguration.library

import com.lesfurets.jenkins.unit.global.lib.SourceRetriever
import org.junit.Before
import org.junit.Rule
import org.junit.rules.TemporaryFolder
import stepwise.jenkins.engine.Agents
import stepwise.jenkins.engine.Controller
import stepwise.jenkins.engine.Steps

/** A Jenkins with this repository as a shared library, and one agent. */
abstract class LibraryTestCase {
  /** The run of the build with the usual spec. */
  public static final String RUN = 'model-pipeline-yaml-jenkins-models-7'

  static final File REPOSITORY = new File(System.getProperty('repository')).canonicalFile

  @Rule
  public final TemporaryFolder folder = new TemporaryFolder()

  final Controller jenkins = new Controller()
  final Binary binary = new Binary()
  Steps steps

  @Before
  void install() {
    share('stepwise', REPOSITORY)
    jenkins.agents = new Agents(folder.newFolder('agents'))
    jenkins.init()
    steps = new Steps(jenkins, folder.newFolder('stashes'), REPOSITORY, binary)
    jenkins.build.environment.BUILD_TAG = 'jenkins-models-7'
    jenkins.credentials.CPD_API_KEY = 'the-key-of-the-cluster'
  }

  /** Registers the library of a folder. */
  protected void share(String name, File of) {
    SourceRetriever retriever = { String repository, String branch, String target -> [of.toURI().toURL()] } as SourceRetriever
    jenkins.registerSharedLibrary(library().name(name).defaultVersion('main').retriever(retriever).targetPath('unused').build())
  }

  protected File getWorkspace() {
    jenkins.agents.workspace('agent-1')
  }

  /** Runs code on an agent, with the library. Answers what it threw. */
  protected Throwable runs(String code) {
    jenkins.run("@Library('stepwise') _\nnode {\n${code}\n}")
  }

  /** The same, which must not throw. */
  protected void succeeds(String code) {
    Throwable thrown = runs(code)
    if (thrown) { throw new AssertionError("the pipeline failed: ${thrown.message}", thrown) }
  }

  /** All calls of a step. */
  protected List<List> calls(String step) {
    steps.calls.findAll { it[0] == step }
  }

  /** What a call leaves: a record, and how the run ended in one line. */
  protected void leaves(File workspace, String run, String headline) {
    File folder = new File(workspace, ".stepwise/${run}")
    folder.mkdirs()
    new File(folder, 'headline.txt').text = headline + '\n'
    new File(folder, 'run.json').text = '{}'
    new File(folder, 'junit.xml').text = '<testsuites/>'
  }
}

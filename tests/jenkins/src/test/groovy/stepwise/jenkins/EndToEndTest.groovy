package stepwise.jenkins

import org.junit.After
import org.junit.Before
import org.junit.Test
import stepwise.jenkins.engine.Interruption

/** The real binary and its steps against a running stub, a stage per step; nothing of a build is left there, however it ended. */
class EndToEndTest extends LibraryTestCase {
  private static final List<String> FILES = ['pipeline.yaml', 'model.onnx', 'data/training.csv', 'data/target.csv']
  private static final Map<String, Integer> NOTHING = [
    models: 0, deployments: 0, data_marts: 0, service_providers: 0, subscriptions: 0, monitor_instances: 0, data_sets: 0,
  ]

  private final Machine machine = new Machine()
  private Cluster cluster

  @Before
  void checkOut() {
    assert Machine.BINARY.exists() : 'there is no binary: run `make build`'
    steps.shell = machine
    for (String agent : ['agent-1', 'agent-2']) {
      for (String file : FILES) {
        File copy = new File(jenkins.agents.workspace(agent), "model/${file}")
        copy.parentFile.mkdirs()
        copy.bytes = new File(REPOSITORY, "model/${file}").bytes
      }
    }
  }

  @After
  void stop() {
    cluster?.close()
  }

  private void serve(String faults = null) {
    cluster = new Cluster(folder.newFolder('cluster'), faults)
    jenkins.build.environment.putAll(cluster.variables)
    jenkins.credentials.CPD_API_KEY = Cluster.API_KEY
    assert cluster.count() == NOTHING
  }

  /** The README's stage per step. */
  private static String stages() {
    Readme.blocks('groovy').find { it.contains("stage('Evaluate')") }
  }

  private void spec(String from, String to) {
    File spec = new File(workspace, 'model/pipeline.yaml')
    assert spec.text.contains(from)
    spec.text = spec.text.replace(from, to)
  }

  private File runFolder() {
    new File(workspace, ".stepwise/${jenkins.build.environment.STEPWISE_BEGUN.trim()}")
  }

  private void isClean() {
    assert cluster.count() == NOTHING
    assert !machine.log.toString().contains(Cluster.API_KEY)
  }

  @Test
  void 'a stage per step goes through and is cleaned up'() {
    serve()

    Throwable thrown = jenkins.run(stages())

    assert thrown == null : machine.log
    assert jenkins.build.result == 'SUCCESS'
    assert ['/ml/v4/models', '/ml/v4/deployments'].every { cluster.wasAsked('POST', it) }
    isClean()
  }

  @Test
  void 'a stage in the middle that fails is cleaned up after'() {
    serve('faults: [{route: POST /ml/v4/deployments, status: 403}]')

    Throwable thrown = jenkins.run(stages())

    assert thrown.message.startsWith('stepwise deploy: ')
    assert jenkins.build.result == 'FAILURE'
    assert cluster.wasAsked('POST', '/ml/v4/models')
    assert !cluster.wasAsked('POST', '/openscale/00000000-0000-0000-0000-000000000000/v2/subscriptions')
    isClean()
  }

  @Test
  void 'an abort is cleaned up after'() {
    serve('faults: [{route: GET /ml/v4/deployments/*, nth: 1, stall: true}]')
    machine.aborted = 'deploy'
    machine.sign = { cluster.wasAsked('POST', '/ml/v4/deployments') }

    Throwable thrown = jenkins.run(stages())

    assert thrown instanceof Interruption
    assert jenkins.build.result == 'ABORTED'
    isClean()
  }

  @Test
  void 'a missed gate is cleaned up after, and makes the build unstable'() {
    serve()
    spec('area_under_roc: {at_least: 0.9}', 'area_under_roc: {at_least: 0.9999}')

    Throwable thrown = jenkins.run(stages())

    assert thrown == null : machine.log
    assert jenkins.build.result == 'UNSTABLE'
    assert jenkins.build.description =~ /^tumour-screening: missed a gate: area_under_roc 0\.\d+ is not at least 0\.9999 \(0\.\d+ too low\)$/
    assert ['junit.xml', 'report.html', 'report.css', 'run.json'].every { new File(runFolder(), it).exists() }
    isClean()
  }

  @Test
  void 'cleanup on another agent removes what the first left'() {
    serve('faults: [{route: POST /ml/v4/deployments, status: 403}]')
    jenkins.agents.next = ['agent-1', 'agent-2']

    jenkins.run('''
      @Library('stepwise') _
      try {
        node { store() }
        node { deploy() }
      } finally {
        node { cleanup() }
      }
    ''')

    assert jenkins.build.result == 'FAILURE'
    assert new File(jenkins.agents.workspace('agent-2'), '.stepwise').directory
    isClean()
  }

  @Test
  void 'the whole run is one call'() {
    serve()

    succeeds('modelPipeline()\ncleanup()')

    isClean()
  }

  @Test
  void 'a run that is tried again goes on with what it has done'() {
    serve('faults: [{route: POST /ml/v4/deployments, nth: 1, status: 403}]')

    succeeds('try { modelPipeline() } catch (Exception failed) { modelPipeline() }\ncleanup()')

    assert machine.log.toString().readLines().any { it =~ /^store +started: the model that it created was removed/ }
    assert new File(runFolder(), 'headline.txt').text == 'tumour-screening: succeeded, 2 gates passed\n'
    isClean()
  }

  @Test
  void 'two specs of a build are two runs, and both are cleaned up'() {
    serve()
    spec('    when: always', '    when: failure')
    new File(workspace, 'model/other.yaml').text = new File(workspace, 'model/pipeline.yaml').text
      .replace('tumour-screening', 'other')

    succeeds("store()\nstore(spec: 'model/other.yaml')")
    assert cluster.count().models == 2

    succeeds('cleanup()')
    assert calls('publishHTML').collect { it[1].reportName } == ['Model pipeline tumour-screening', 'Model pipeline other']
    isClean()
  }

  @Test
  void 'a checkout that cleans the workspace loses nothing'() {
    serve()

    succeeds("store()\nsh 'rm -r .stepwise'\ndeploy()\nsh 'rm -r .stepwise'\ncleanup()")

    assert cluster.wasAsked('POST', '/ml/v4/deployments')
    isClean()
  }

  @Test
  void 'a dry run needs neither a cluster nor credentials'() {
    jenkins.credentials.clear()

    succeeds('modelPipeline(dryRun: true)\ncleanup()')
  }

  @Test
  void 'a wrong spec is said before anything runs'() {
    serve()
    spec('step: deploy', 'step: deplyo')

    Throwable thrown = jenkins.run(stages())

    assert thrown.message == 'stepwise plan: the spec is wrong, see above'
    assert machine.log.toString().contains('deplyo')
    assert !cluster.wasAsked('POST', '/ml/v4/models')
  }
}

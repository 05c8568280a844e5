package stepwise.jenkins

import org.junit.Test
import stepwise.jenkins.engine.Interruption

class CleanupTest extends LibraryTestCase {
  private static final String CLEANUP = '"$STEPWISE" cleanup "$STEPWISE_SPEC" --run "$STEPWISE_RUN" --wait 15m'

  /** The step leaves a run, and ends so. */
  private void storeEnds(int code) {
    binary.happens['--only'] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'left') }
    binary.codes['--only'] = code
  }

  private static String pipeline(String agent, String stages) {
    """
      @Library('stepwise') _
      pipeline {
        agent ${agent}
        stages {
          ${stages}
        }
        post { always { ${agent == 'none' ? "node('linux') { cleanup() }" : 'cleanup()'} } }
      }
    """
  }

  @Test
  void 'cleanup is one labelled call with the credentials that it needs itself'() {
    storeEnds(0)

    succeeds('store()\ncleanup()')

    assert calls('sh').collect { it[1] }.drop(3) == [
      [label: 'which credentials', returnStdout: true,
        script: '"$STEPWISE" plan "$STEPWISE_SPEC" --allow-unset --format json --cleanup "$STEPWISE_RUN" || echo "ended with exit code $?"'],
      [label: 'stepwise cleanup', returnStatus: true, script: CLEANUP],
    ]
    assert binary.environmentOf(' cleanup ').subMap('STEPWISE_RUN', 'CPD_API_KEY') ==
      [STEPWISE_RUN: RUN, CPD_API_KEY: 'the-key-of-the-cluster']
  }

  @Test
  void 'cleanup shows the reports'() {
    storeEnds(0)

    succeeds('store()\ncleanup()')

    assert calls('junit') == [['junit', [testResults: ".stepwise/${RUN}/junit.xml", allowEmptyResults: true]]]
    assert calls('publishHTML') == [['publishHTML', [
      reportName: 'Model pipeline pipeline', reportDir: ".stepwise/${RUN}", reportFiles: 'report.html',
      includes: 'report.html,report.css,summary.md,run.json', keepAll: true, alwaysLinkToLastBuild: true, allowMissing: true,
    ]]]
    assert calls('archiveArtifacts') == [['archiveArtifacts', [
      artifacts: ['report.html', 'report.css', 'summary.md', 'run.json'].collect { ".stepwise/${RUN}/${it}" }.join(','),
      allowEmptyArchive: true,
    ]]]
  }

  @Test
  void 'cleanup follows a step that failed'() {
    storeEnds(3)

    Throwable thrown = jenkins.run(pipeline('any', "stage('Store') { steps { store() } }\nstage('Next') { steps { deploy() } }"))

    assert thrown.message == 'stepwise store: left'
    assert jenkins.build.result == 'FAILURE'
    assert binary.scripts.last() == CLEANUP
    assert binary.environments*.STEPWISE_STEP.findAll().unique() == ['store']
  }

  @Test
  void 'cleanup follows an abort, and waits for the step that may still be ending'() {
    binary.happens['--only'] = { folder, environment ->
      leaves(folder, environment.STEPWISE_RUN, 'interrupted')
      throw new Interruption()
    }

    Throwable thrown = jenkins.run(pipeline('any', "stage('Store') { steps { store() } }"))

    assert thrown instanceof Interruption
    assert jenkins.build.result == 'ABORTED'
    assert binary.scripts.last() == CLEANUP
  }

  @Test
  void 'cleanup on another agent gets the run there first'() {
    storeEnds(3)
    jenkins.agents.next = ['agent-1', 'agent-2']

    jenkins.run(pipeline('none', "stage('Store') {\nagent any\nsteps { store() }\n}"))

    assert binary.scripts.last() == CLEANUP
    assert binary.environments.last().NODE_NAME == 'agent-2'
    assert calls('unstash') == [['unstash', [name: "stepwise-${RUN}"]]]
    assert new File(jenkins.agents.workspace('agent-2'), ".stepwise/${RUN}/run.json").exists()
  }

  @Test
  void 'cleanup fails when the run was lost with its agent'() {
    storeEnds(3)
    steps.without('stash')
    jenkins.agents.next = ['agent-1', 'agent-2']

    Throwable thrown = runs('''
      try { store() } catch (Exception failed) { }
      node { cleanup() }
    ''')

    assert thrown.message == "stepwise cleanup: run ${RUN} was lost at agent-1:${workspace}, and with it what it has created\n" +
      "hint: `stepwise cleanup --stale model/pipeline.yaml` finds that by its tags, and so does cleanup(stale: '12h')"
    assert jenkins.build.result == 'FAILURE'
    assert !binary.scripts.contains(CLEANUP)
    assert jenkins.build.log == ['Jenkins has no step stash here: a stage on another agent will not find the run']
  }

  @Test
  void 'a spec that is wrong on one agent leaves nothing to clean up on another'() {
    binary.codes[' plan '] = 2
    jenkins.agents.next = ['agent-1', 'agent-2']

    Throwable thrown = jenkins.run(pipeline('none', "stage('Store') {\nagent any\nsteps { store() }\n}"))

    assert thrown.message == 'stepwise plan: the spec is wrong, see above'
    assert jenkins.build.log == ['no step has run in this build: there is nothing to clean up']
  }

  @Test
  void 'a spec that is wrong later leaves the run where it was'() {
    storeEnds(0)
    binary.happens.breaks = { folder, environment -> binary.codes[' plan '] = 2 }
    binary.happens.mends = { folder, environment -> binary.codes.clear() }
    jenkins.agents.next = ['agent-1', 'agent-2', 'agent-3']

    Throwable thrown = jenkins.run("""
      @Library('stepwise') _
      node { store() }
      try {
        node {
          sh 'breaks'
          deploy()
        }
      } finally {
        node {
          sh 'mends'
          cleanup()
        }
      }
    """)

    assert thrown.message == 'stepwise plan: the spec is wrong, see above'
    assert binary.scripts.last() == CLEANUP
    assert new File(jenkins.agents.workspace('agent-3'), ".stepwise/${RUN}/run.json").exists()
  }

  @Test
  void 'a run whose folder a checkout has removed is brought back'() {
    storeEnds(0)
    binary.happens.checkout = { folder, environment -> assert new File(folder, '.stepwise').deleteDir() }

    succeeds("store()\nsh 'checkout'\ndeploy()\nsh 'checkout'\ncleanup()")

    assert calls('unstash').size() == 2
    assert binary.scripts.last() == CLEANUP
  }

  @Test
  void 'a run that may have begun and has no record is no run that has not begun'() {
    binary.happens['--only'] = { folder, environment -> throw new Interruption() }

    Throwable thrown = jenkins.run(pipeline('any', "stage('Store') { steps { store() } }"))

    assert thrown.message.startsWith("stepwise cleanup: run ${RUN} was lost at agent-1:")
    assert !binary.scripts.contains(CLEANUP)
  }

  @Test
  void 'all runs of the build are cleaned up, whatever they are called'() {
    binary.happens['--run'] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'left') }
    binary.happens['STEPWISE_AS'] = binary.happens['--run']

    succeeds("modelPipeline(run: 'x')\nstore(run: 'x')\nmodelPipeline(resume: 'y', spec: 'y.yaml')\nstore()\ncleanup()")

    List<Map<String, String>> cleaned = binary.environmentsOf(CLEANUP)*.subMap('STEPWISE_RUN', 'STEPWISE_SPEC')
    assert cleaned == [
      [STEPWISE_RUN: 'x', STEPWISE_SPEC: 'model/pipeline.yaml'], [STEPWISE_RUN: 'y', STEPWISE_SPEC: 'y.yaml'],
      [STEPWISE_RUN: RUN, STEPWISE_SPEC: 'model/pipeline.yaml'],
    ]
  }

  @Test
  void 'the runs of one spec may be cleaned up alone'() {
    binary.happens['--only'] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'left') }

    succeeds("store(spec: 'a.yaml')\nstore(spec: 'b.yaml')\ncleanup(spec: 'b.yaml')\ncleanup(spec: 'c.yaml')")

    assert binary.scripts.count { it == CLEANUP } == 1
    assert binary.environments.last().STEPWISE_SPEC == 'b.yaml'
    assert jenkins.build.log == ['no step of c.yaml has run in this build: there is nothing to clean up']
  }

  @Test
  void 'what lost runs have left is cleaned up by its age'() {
    succeeds("cleanup(stale: '12h', spec: 'a.yaml')")

    assert calls('sh').last()[1] == [
      label: 'stepwise cleanup', returnStatus: true,
      script: '"$STEPWISE" cleanup --stale "$STEPWISE_SPEC" --older-than "$STEPWISE_OLDER_THAN"',
    ]
    assert binary.environments.last().subMap('STEPWISE_SPEC', 'STEPWISE_OLDER_THAN', 'CPD_API_KEY') ==
      [STEPWISE_SPEC: 'a.yaml', STEPWISE_OLDER_THAN: '12h', CPD_API_KEY: 'the-key-of-the-cluster']
    assert ['stash', 'junit', 'publishHTML', 'archiveArtifacts'].every { calls(it).empty }

    binary.codes[' cleanup '] = 3
    assert runs("cleanup(stale: '12h')").message == 'stepwise cleanup: ended with exit code 3'
    assert runs("cleanup(stale: '12h', run: 'a')").message ==
      'stepwise cleanup: `stale` is of all lost runs, so there is no `run` beside it'
  }

  @Test
  void 'where the run was left it is not replaced by an older one'() {
    storeEnds(0)

    succeeds('store()\ndeploy()\ncleanup()')

    assert calls('unstash').empty
    assert calls('stash').size() == 3
  }

  @Test
  void 'a build in which no step ran has nothing to clean up'() {
    succeeds('cleanup()')

    assert binary.scripts.empty
    assert jenkins.build.log == ['no step has run in this build: there is nothing to clean up']
  }

  @Test
  void 'a run that never began has nothing to clean up'() {
    binary.codes['--only'] = 2

    jenkins.run(pipeline('any', "stage('Store') { steps { store() } }"))

    assert !binary.scripts.contains(CLEANUP)
    assert jenkins.build.log == ["run ${RUN} has not begun: there is nothing to clean up"]
  }

  @Test
  void 'a cleanup that fails fails the build'() {
    storeEnds(0)
    binary.codes[' cleanup '] = 3

    binary.happens[' cleanup '] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, '5 resources left') }

    assert runs('store()\ncleanup()').message == 'stepwise cleanup: 5 resources left'
    assert jenkins.build.result == 'FAILURE'
  }

  @Test
  void 'the run of another build is cleaned up by its name'() {
    leaves(workspace, 'trial', 'left')

    succeeds("cleanup(run: 'trial')")

    assert binary.environmentOf(' cleanup ').STEPWISE_RUN == 'trial'
  }
}

package stepwise.jenkins

import org.junit.Test
import stepwise.jenkins.engine.Interruption

class CleanupTest extends LibraryTestCase {
  private static final String CLEANUP = '"$STEPWISE" cleanup "$STEPWISE_SPEC" --run "$STEPWISE_RUN" --wait 15m'
  private static final String RUN = 'run-of-jenkins-models-7'

  /** The step leaves a run, and ends so. */
  private void leaves(int code) {
    binary.happens['--only'] = { folder, environment -> summary(folder, environment.STEPWISE_RUN, 'left') }
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
    leaves(0)

    succeeds('store()\ncleanup()')

    assert calls('sh').collect { it[1] }.drop(3) == [
      [label: 'which credentials', returnStdout: true,
        script: '"$STEPWISE" plan "$STEPWISE_SPEC" --allow-unset --format json --cleanup "$STEPWISE_RUN"'],
      [label: 'stepwise cleanup', returnStatus: true, script: CLEANUP],
    ]
    assert binary.environmentOf(' cleanup ').subMap('STEPWISE_RUN', 'CPD_API_KEY') ==
      [STEPWISE_RUN: RUN, CPD_API_KEY: 'the-key-of-the-cluster']
  }

  @Test
  void 'cleanup shows the reports'() {
    leaves(0)

    succeeds('store()\ncleanup()')

    assert calls('junit') == [['junit', [testResults: ".stepwise/${RUN}/junit.xml", allowEmptyResults: true]]]
    assert calls('publishHTML') == [['publishHTML', [
      reportName: 'Model pipeline', reportDir: ".stepwise/${RUN}", reportFiles: 'report.html',
      includes: 'report.html,report.css', keepAll: true, alwaysLinkToLastBuild: true, allowMissing: true,
    ]]]
    assert calls('archiveArtifacts') == [['archiveArtifacts', [
      artifacts: ['report.html', 'report.css', 'summary.md', 'run.json'].collect { ".stepwise/${RUN}/${it}" }.join(','),
      allowEmptyArchive: true,
    ]]]
  }

  @Test
  void 'cleanup follows a step that failed'() {
    leaves(3)

    Throwable thrown = jenkins.run(pipeline('any', "stage('Store') { steps { store() } }\nstage('Next') { steps { deploy() } }"))

    assert thrown.message == 'stepwise store: left'
    assert jenkins.build.result == 'FAILURE'
    assert binary.scripts.last() == CLEANUP
    assert binary.environments*.STEPWISE_STEP.findAll().unique() == ['store']
  }

  @Test
  void 'cleanup follows an abort, and waits for the step that may still be ending'() {
    binary.happens['--only'] = { folder, environment ->
      summary(folder, environment.STEPWISE_RUN, 'interrupted')
      throw new Interruption()
    }

    Throwable thrown = jenkins.run(pipeline('any', "stage('Store') { steps { store() } }"))

    assert thrown instanceof Interruption
    assert jenkins.build.result == 'ABORTED'
    assert binary.scripts.last() == CLEANUP
  }

  @Test
  void 'cleanup on another agent gets the run there first'() {
    leaves(3)
    jenkins.agents.next = ['agent-1', 'agent-2']

    jenkins.run(pipeline('none', "stage('Store') {\nagent any\nsteps { store() }\n}"))

    assert binary.scripts.last() == CLEANUP
    assert binary.environments.last().NODE_NAME == 'agent-2'
    assert calls('unstash') == [['unstash', [name: "stepwise-${RUN}"]]]
    assert new File(jenkins.agents.workspace('agent-2'), ".stepwise/${RUN}/summary.md").exists()
  }

  @Test
  void 'cleanup fails when the run was lost with its agent'() {
    leaves(3)
    steps.without('stash')
    jenkins.agents.next = ['agent-1', 'agent-2']

    runs('''
      try { store() } catch (Exception failed) { }
      node { cleanup() }
    ''')

    assert jenkins.build.result == 'FAILURE'
    assert !binary.scripts.contains(CLEANUP)
    assert jenkins.build.log == ['Jenkins has no step stash here: a stage on another agent will not find the run']
  }

  @Test
  void 'where the run was left it is not replaced by an older one'() {
    leaves(0)

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
    leaves(0)
    binary.codes[' cleanup '] = 3

    assert runs('store()\ncleanup()').message == 'stepwise cleanup: left'
    assert jenkins.build.result == 'FAILURE'
  }

  @Test
  void 'the run of another build is cleaned up by its name'() {
    summary(workspace, 'trial', 'left')

    succeeds("cleanup(run: 'trial')")

    assert binary.environmentOf(' cleanup ').STEPWISE_RUN == 'trial'
  }
}

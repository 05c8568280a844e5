package stepwise.jenkins

import org.junit.Test
import stepwise.jenkins.engine.Interruption

class ModelPipelineTest extends LibraryTestCase {
  private static final String RUN = '"$STEPWISE" run "$STEPWISE_SPEC" --run "$STEPWISE_RUN"'

  @Test
  void 'the whole run is one call'() {
    succeeds("modelPipeline(spec: 'pipeline.yaml')")

    assert calls('sh').last()[1] == [label: 'stepwise run', returnStatus: true, script: RUN]
    assert calls('sh').size() == 3
    assert binary.environments.last().subMap('STEPWISE_SPEC', 'STEPWISE_RUN') ==
      [STEPWISE_SPEC: 'pipeline.yaml', STEPWISE_RUN: 'run-of-jenkins-models-7']
  }

  @Test
  void 'a dry run has a name of its own, asks for the credentials of a dry run, and leaves nothing to clean up'() {
    binary.unsetSecrets = []

    succeeds('modelPipeline(dryRun: true)\ncleanup()')

    assert binary.scripts == [
      '"$STEPWISE" run-id "$BUILD_TAG-dry-run"',
      '"$STEPWISE" plan "$STEPWISE_SPEC" --allow-unset --format json --dry-run',
      RUN + ' --dry-run',
    ]
    assert jenkins.build.log == ['no step has run in this build: there is nothing to clean up']
  }

  @Test
  void 'a run may be kept, or gone on with'() {
    succeeds('modelPipeline(keep: true)')
    assert binary.scripts.last() == RUN + ' --keep'

    succeeds("modelPipeline(resume: 'trial')")
    assert binary.scripts.last() == '"$STEPWISE" run "$STEPWISE_SPEC" --resume "$STEPWISE_RUN"'
    assert binary.environments.last().STEPWISE_RUN == 'trial'
  }

  @Test
  void 'the reports of a run that failed are shown too'() {
    binary.codes[RUN] = 3

    assert runs('modelPipeline()').message == 'stepwise run: ended with exit code 3'

    assert ['junit', 'publishHTML', 'archiveArtifacts'].every { calls(it).size() == 1 }
  }

  @Test
  void 'the reports of a run that was aborted are shown too'() {
    binary.happens[RUN] = { folder, environment -> throw new Interruption() }

    assert runs('modelPipeline()') instanceof Interruption

    assert ['junit', 'publishHTML', 'archiveArtifacts'].every { calls(it).size() == 1 }
  }

  @Test
  void 'cleanup after it does not show them again'() {
    binary.happens[RUN] = { folder, environment -> summary(folder, environment.STEPWISE_RUN, 'done') }

    succeeds('modelPipeline()\ncleanup()')

    assert binary.scripts.last().contains(' cleanup ')
    assert ['junit', 'publishHTML', 'archiveArtifacts'].every { calls(it).size() == 1 }
  }

  @Test
  void 'reports may be left to somebody else'() {
    succeeds('modelPipeline(reports: false)')

    assert ['junit', 'publishHTML', 'archiveArtifacts'].every { calls(it).empty }
  }

  @Test
  void 'a plugin that is missing is said once, and all else goes on'() {
    ['junit', 'publishHTML', 'stash'].each { steps.without(it) }

    succeeds("modelPipeline(run: 'a')\nmodelPipeline(run: 'b')")

    assert jenkins.build.log == [
      'Jenkins has no step stash here: a stage on another agent will not find the run',
      'Jenkins has no step junit here: the steps are not among the test results',
      "Jenkins has no step publishHTML here: the report is among the build's artifacts",
    ]
    assert calls('archiveArtifacts').size() == 2
  }
}

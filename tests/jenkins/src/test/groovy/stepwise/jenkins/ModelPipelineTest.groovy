package stepwise.jenkins

import org.junit.Test
import stepwise.jenkins.engine.Interruption

class ModelPipelineTest extends LibraryTestCase {
  private static final String COMMAND = '"$STEPWISE" run "$STEPWISE_SPEC" "$STEPWISE_AS" "$STEPWISE_RUN"'

  @Test
  void 'the whole run is one call'() {
    succeeds("modelPipeline(spec: 'pipeline.yaml')")

    assert calls('sh').last()[1] == [label: 'stepwise run', returnStatus: true, script: COMMAND]
    assert calls('sh').size() == 3
    assert binary.environments.last().subMap('STEPWISE_SPEC', 'STEPWISE_RUN', 'STEPWISE_AS') ==
      [STEPWISE_SPEC: 'pipeline.yaml', STEPWISE_RUN: 'pipeline-yaml-jenkins-models-7', STEPWISE_AS: '--run']
  }

  @Test
  void 'a dry run has a name of its own, asks for the credentials of a dry run, and leaves nothing to clean up'() {
    binary.unsetSecrets = []

    succeeds('modelPipeline(dryRun: true)\ncleanup()')

    assert binary.scripts == [
      '"$STEPWISE" run-id "$STEPWISE_BUILD"',
      '"$STEPWISE" plan "$STEPWISE_SPEC" --allow-unset --format json --dry-run || echo "ended with exit code $?"',
      COMMAND + ' --dry-run',
    ]
    assert jenkins.build.log == ['no step has run in this build: there is nothing to clean up']
  }

  @Test
  void 'a run may be kept, or gone on with'() {
    succeeds('modelPipeline(keep: true)')
    assert binary.scripts.last() == COMMAND + ' --keep'

    succeeds("modelPipeline(resume: 'trial')")
    assert binary.scripts.last() == COMMAND
    assert binary.environments.last().subMap('STEPWISE_RUN', 'STEPWISE_AS') == [STEPWISE_RUN: 'trial', STEPWISE_AS: '--resume']
  }

  @Test
  void 'a run that is named is not another that is gone on with'() {
    assert runs("modelPipeline(run: 'a', resume: 'b')").message ==
      'stepwise run: `resume` names the run already, so there is no `run` beside it'
  }

  @Test
  void 'what is tried again goes on with its run'() {
    List ends = [3, 0]
    binary.happens[COMMAND] = { folder, environment ->
      leaves(folder, environment.STEPWISE_RUN, 'left')
      binary.codes[COMMAND] = ends.remove(0)
    }

    // As `retry(2)` does.
    succeeds('try { modelPipeline() } catch (Exception failed) { modelPipeline() }\ncleanup()')

    List<Map<String, String>> calls = binary.environmentsOf(COMMAND)
    assert calls*.STEPWISE_AS == ['--run', '--resume']
    assert calls*.STEPWISE_RUN.unique() == [RUN]
  }

  @Test
  void 'what is tried again, and had not begun, begins'() {
    List codes = [2, 0]
    binary.happens[COMMAND] = { folder, environment -> binary.codes[COMMAND] = codes.remove(0) }

    succeeds('try { modelPipeline() } catch (Exception failed) { modelPipeline() }')

    List<String> how = binary.environmentsOf(COMMAND)*.STEPWISE_AS
    assert how == ['--run', '--run']
  }

  @Test
  void 'a dry run is tried again as another one'() {
    binary.unsetSecrets = []
    binary.happens[COMMAND] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'left') }

    succeeds('modelPipeline(dryRun: true)\nmodelPipeline(dryRun: true)')

    List<String> how = binary.environmentsOf(COMMAND)*.STEPWISE_AS
    assert how == ['--run', '--run']
    Set<String> names = binary.environmentsOf(COMMAND)*.STEPWISE_RUN
    assert names.size() == 2
  }

  @Test
  void 'each spec and each profile of a build has a run and a page of its own, and all are cleaned up'() {
    binary.happens[COMMAND] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'left') }
    binary.codes[' cleanup '] = 3

    Throwable thrown = runs("""
      modelPipeline(spec: 'a.yaml')
      modelPipeline(spec: 'b.yaml', profile: 'test')
      modelPipeline(spec: 'b.yaml', profile: 'prod')
      cleanup()
    """)

    List<String> names = ['a-yaml', 'b-yaml-test', 'b-yaml-prod'].collect { it + '-jenkins-models-7' }
    List<String> run = binary.environmentsOf(COMMAND)*.STEPWISE_RUN
    List<String> cleaned = binary.environmentsOf(' cleanup "')*.STEPWISE_RUN
    assert [run, cleaned] == [names, names]
    // The first failure is the build's, and keeps no other run from being cleaned up.
    assert thrown.message == 'stepwise cleanup: ended with exit code 3'
    assert binary.environments.last().STEPWISE_SPEC == 'b.yaml'
    List<String> pages = ['Model pipeline a', 'Model pipeline b test', 'Model pipeline b prod']
    assert calls('publishHTML').collect { it[1].reportName } == pages + pages
  }

  @Test
  void 'the reports of a run that failed are shown too'() {
    binary.happens[COMMAND] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'failed') }
    binary.codes[COMMAND] = 3

    assert runs('modelPipeline()').message == 'stepwise run: failed'

    assert ['junit', 'publishHTML', 'archiveArtifacts'].every { calls(it).size() == 1 }
  }

  @Test
  void 'the reports of a run that was aborted are shown too'() {
    binary.happens[COMMAND] = { folder, environment ->
      leaves(folder, environment.STEPWISE_RUN, 'interrupted')
      throw new Interruption()
    }

    assert runs('modelPipeline()') instanceof Interruption

    assert ['junit', 'publishHTML', 'archiveArtifacts'].every { calls(it).size() == 1 }
  }

  @Test
  void 'results that were not there yet are counted after cleanup'() {
    binary.happens[COMMAND] = { folder, environment ->
      leaves(folder, environment.STEPWISE_RUN, 'interrupted')
      new File(folder, ".stepwise/${environment.STEPWISE_RUN}/junit.xml").delete()
    }
    binary.happens[' cleanup '] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'interrupted') }

    succeeds('modelPipeline()')
    assert calls('junit').empty

    succeeds('cleanup()')
    assert calls('junit').size() == 1
  }

  @Test
  void 'cleanup after it shows them again as they are then, but does not count results twice'() {
    binary.happens[COMMAND] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'done') }

    succeeds('modelPipeline()\ncleanup()')

    assert binary.scripts.last().contains(' cleanup ')
    assert ['junit', 'publishHTML', 'archiveArtifacts'].collect { calls(it).size() } == [1, 2, 2]
  }

  @Test
  void 'reports may be left to somebody else'() {
    succeeds('modelPipeline(reports: false)')

    assert ['junit', 'publishHTML', 'archiveArtifacts'].every { calls(it).empty }
  }

  @Test
  void 'a plugin that is missing is said once, and all else goes on'() {
    ['junit', 'publishHTML', 'stash'].each { steps.without(it) }
    binary.happens[COMMAND] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'done') }

    succeeds("modelPipeline(run: 'a')\nmodelPipeline(run: 'b')")

    assert jenkins.build.log == [
      'Jenkins has no step stash here: a stage on another agent will not find the run',
      'Jenkins has no step junit here: the steps are not among the test results',
      "Jenkins has no step publishHTML here: the report is among the build's artifacts",
    ]
    assert calls('archiveArtifacts').size() == 2
  }
}

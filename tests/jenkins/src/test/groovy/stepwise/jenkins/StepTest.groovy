package stepwise.jenkins

import org.junit.Test

/** `wasmStep`, and the variables of the six steps but `cleanup`. */
class StepTest extends LibraryTestCase {
  private Map<String, String> underWay
  private static final String COMMAND = '"$STEPWISE" run "$STEPWISE_SPEC" --run "$STEPWISE_RUN" --only "$STEPWISE_STEP"'
  private static final String PLAN = '"$STEPWISE" plan "$STEPWISE_SPEC" --allow-unset --format json || echo "ended with exit code $?"'

  @Test
  void 'a step is one labelled call of the binary'() {
    succeeds("wasmStep('drift')")

    assert calls('sh').collect { it[1] } == [
      [label: 'name the run', returnStdout: true, script: '"$STEPWISE" run-id "$STEPWISE_BUILD"'],
      [label: 'which credentials', returnStdout: true, script: PLAN],
      [label: 'stepwise drift', returnStatus: true, script: COMMAND],
    ]
    Map environment = binary.environmentOf('--only')
    assert environment.subMap('STEPWISE', 'STEPWISE_SPEC', 'STEPWISE_RUN', 'STEPWISE_RUNS', 'STEPWISE_STEP') == [
      STEPWISE: 'stepwise', STEPWISE_SPEC: 'model/pipeline.yaml', STEPWISE_RUN: RUN,
      STEPWISE_RUNS: '.stepwise', STEPWISE_STEP: 'drift',
    ]
    assert !environment.containsKey('STEPWISE_PROFILE') && !environment.containsKey('STEPWISE_SET')
    assert jenkins.build.result == 'SUCCESS'
  }

  @Test
  void 'each step has a variable of its name'() {
    for (String step : ['store', 'deploy', 'subscribe', 'score', 'evaluate']) {
      succeeds("${step} spec: 'pipeline.yaml'")

      assert calls('sh').last()[1] == [label: "stepwise ${step}", returnStatus: true, script: COMMAND]
      assert binary.environments.last().subMap('STEPWISE_SPEC', 'STEPWISE_STEP') ==
        [STEPWISE_SPEC: 'pipeline.yaml', STEPWISE_STEP: step]
    }
  }

  @Test
  void 'each of them has the usual spec, but evaluate, which without arguments is a method of every Groovy script'() {
    for (String step : ['store', 'deploy', 'subscribe', 'score']) {
      succeeds("${step}()")

      assert binary.environments.last().subMap('STEPWISE_SPEC', 'STEPWISE_STEP') ==
        [STEPWISE_SPEC: 'model/pipeline.yaml', STEPWISE_STEP: step]
    }

    assert runs('evaluate()').message.contains('Could not find which method evaluate() to invoke')
    assert binary.environments.last().STEPWISE_STEP == 'score'
  }

  @Test
  void 'what is given reaches the binary as variables, never as a part of the script'() {
    String odd = 'models/$(touch owned); "x".yaml'

    succeeds("""store(
      spec: '${odd}', run: 'trial', profile: 'prod', set: ['params.limit=10', 'params.name=a b'],
    )""")

    assert binary.scripts == [PLAN, COMMAND]
    assert binary.environmentOf('--only').subMap('STEPWISE_SPEC', 'STEPWISE_RUN', 'STEPWISE_PROFILE', 'STEPWISE_SET') == [
      STEPWISE_SPEC: odd, STEPWISE_RUN: 'trial', STEPWISE_PROFILE: 'prod', STEPWISE_SET: 'params.limit=10\nparams.name=a b',
    ]
  }

  @Test
  void 'the steps of a build share a run, which is named once'() {
    succeeds('store()\ndeploy()')

    assert binary.scripts.count { it.contains('run-id') } == 1
    assert binary.environments*.STEPWISE_RUN.findAll().unique() == [RUN]
  }

  @Test
  void 'a step keeps the reports for later'() {
    succeeds('store()')

    assert ['junit', 'publishHTML', 'archiveArtifacts'].every { calls(it).empty }
  }

  @Test
  void 'a parameter that is not known is an error that names those that are'() {
    Throwable thrown = runs("store(specs: 'pipeline.yaml')")

    assert thrown.message ==
      'stepwise store: there is no parameter specs here; there are credentials, profile, run, set, sha256, spec, url'
    assert binary.scripts.empty
  }

  @Test
  void 'a parameter of another variable is none of this one'() {
    Map<String, String> wrong = [
      "store(dryRun: true)": 'dryRun', "wasmStep('drift', keep: true)": 'keep', "cleanup(dryRun: true, run: 'a')": 'dryRun',
      "modelPipeline(step: 'store')": 'step', "score(cleanup: true)": 'cleanup', "deploy(resume: 'a')": 'resume',
      "stepwise('stepwise check', 'check', keep: true)": 'keep',
    ]
    wrong.each { String call, String parameter ->
      assert runs(call).message.contains(": there is no parameter ${parameter} here; there are ") : call
    }
    assert binary.scripts.empty
  }

  @Test
  void 'steps of one run are not on two agents at once'() {
    binary.happens['--only'] = { folder, environment ->
      leaves(folder, environment.STEPWISE_RUN, 'left')
      // What the other branch of a `parallel` sees while this one is here.
      underWay = jenkins.build.environment.clone() as Map
    }
    succeeds('store()')
    jenkins.build.environment.putAll(underWay)
    jenkins.agents.next = ['agent-2']

    assert runs('deploy()').message == "stepwise deploy: another step of run ${RUN} is under way at agent-1:${workspace}: " +
      'the steps of a run are on one agent at a time'
    assert !binary.environments*.STEPWISE_STEP.contains('deploy')

    jenkins.agents.next = ['agent-1']
    succeeds('deploy()')
  }

  @Test
  void 'any other command may be run with the credentials of a spec'() {
    succeeds('''stepwise('stepwise check', 'check "$STEPWISE_SPEC"', spec: 'pipeline.yaml')''')

    assert calls('sh').last()[1] == [label: 'stepwise check', returnStatus: true, script: '"$STEPWISE" check "$STEPWISE_SPEC"']
    assert binary.environments.last().subMap('STEPWISE_SPEC', 'CPD_API_KEY') ==
      [STEPWISE_SPEC: 'pipeline.yaml', CPD_API_KEY: 'the-key-of-the-cluster']
  }

  @Test
  void 'a binary that is not there is no wrong spec'() {
    binary.codes[' plan '] = 127

    assert runs('store()').message == 'stepwise plan: ended with exit code 127'
  }

  @Test
  void 'a spec that cannot be planned fails the build before any step runs'() {
    binary.codes[' plan '] = 2

    Throwable thrown = runs('store()')

    assert thrown.message == 'stepwise plan: the spec is wrong, see above'
    assert jenkins.build.result == 'FAILURE'
    assert !binary.scripts.any { it.contains('--only') }
  }
}

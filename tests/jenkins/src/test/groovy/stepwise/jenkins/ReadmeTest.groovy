package stepwise.jenkins

import org.junit.Test

/** The README's examples run, and do what the text around them says. */
class ReadmeTest extends LibraryTestCase {
  private final List<String> examples = Readme.blocks('groovy')

  private void runsThrough(String example) {
    binary.happens[' run '] = { folder, environment -> summary(folder, environment.STEPWISE_RUN, 'done') }
    Throwable thrown = jenkins.run(example)
    if (thrown) { throw new AssertionError("the example failed: ${thrown.message}", thrown) }
  }

  private List<String> labels() {
    calls('sh').collect { it[1].label }.findAll { it.startsWith('stepwise ') }
  }

  @Test
  void 'there are three examples'() {
    assert examples.size() == 3
  }

  @Test
  void 'the first pipeline, in a pod'() {
    runsThrough(examples[0])

    assert labels() == ['stepwise run', 'stepwise cleanup']
  }

  @Test
  void 'a stage per step'() {
    runsThrough(examples[1])

    assert labels() == ['store', 'deploy', 'subscribe', 'score', 'evaluate', 'cleanup'].collect { 'stepwise ' + it }
  }

  @Test
  void 'a scripted pipeline with cleanup elsewhere'() {
    jenkins.credentials['team-key'] = 'the-key-of-the-team'
    jenkins.agents.next = ['agent-1', 'agent-2']

    runsThrough(examples[2])

    assert labels() == ['stepwise store', 'stepwise drift', 'stepwise cleanup']
    assert binary.environments.last().subMap('CPD_API_KEY', 'STEPWISE_PROFILE', 'NODE_NAME') ==
      [CPD_API_KEY: 'the-key-of-the-team', STEPWISE_PROFILE: 'test', NODE_NAME: 'agent-2']
  }

  @Test
  void 'the scripted pipeline cleans up after a failure too'() {
    jenkins.credentials['team-key'] = 'the-key-of-the-team'
    jenkins.agents.next = ['agent-1', 'agent-2']
    binary.happens[' run '] = { folder, environment -> summary(folder, environment.STEPWISE_RUN, 'failed') }
    binary.codes['--only'] = 3

    assert jenkins.run(examples[2]).message == 'stepwise store: failed'
    assert labels() == ['stepwise store', 'stepwise cleanup']
  }

  @Test
  void 'every variable has its row, and its help page names every parameter'() {
    List<String> variables = new File(REPOSITORY, 'vars').list().findAll { it.endsWith('.groovy') }*.minus('.groovy')
    String table = new File(REPOSITORY, 'README.md').text.split('## Use from Jenkins')[1].split('\n## ')[0]

    assert variables.toSet() == [
      'store', 'deploy', 'subscribe', 'score', 'evaluate', 'cleanup', 'wasmStep', 'modelPipeline', 'stepwise',
    ].toSet()
    for (String variable : variables) {
      assert table =~ /\|[^|]*`${variable}(\(ID\))?`[^|]*\|/ : variable
      String page = new File(REPOSITORY, "vars/${variable}.txt").text
      for (String parameter : ['spec', 'run', 'profile', 'set', 'credentials', 'url, sha256']) {
        assert page.readLines().any { it.startsWith(parameter + ' ') } : "${variable}: ${parameter}"
      }
    }
  }
}

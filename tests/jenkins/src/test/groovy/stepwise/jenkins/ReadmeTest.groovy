package stepwise.jenkins

import org.junit.Test

/** The README's examples run, and do what the text around them says. */
class ReadmeTest extends LibraryTestCase {
  private final List<String> examples = Readme.blocks('groovy')

  private void runsThrough(String example) {
    binary.happens[' run '] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'done') }
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
    binary.happens[' run '] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, 'failed') }
    binary.codes['--only'] = 3

    assert jenkins.run(examples[2]).message == 'stepwise store: failed'
    assert labels() == ['stepwise store', 'stepwise cleanup']
  }

  @Test
  void 'every variable has its row, and its help page has every parameter that it takes, in the same words as all'() {
    List<String> variables = new File(REPOSITORY, 'vars').list().findAll { it.endsWith('.groovy') }*.minus('.groovy')
    String table = new File(REPOSITORY, 'README.md').text.split('## Use from Jenkins')[1].split('\n## ')[0]
    String shared = new File(REPOSITORY, 'vars/store.txt').text.split('\n\n').find { it.startsWith('spec ') }

    assert variables.toSet() == [
      'store', 'deploy', 'subscribe', 'score', 'evaluate', 'cleanup', 'wasmStep', 'modelPipeline', 'stepwise',
    ].toSet()
    assert parameters(shared) == listed(new File(REPOSITORY, 'vars/stepwise.groovy').text, 'SHARED = ')
    for (String variable : variables) {
      assert table =~ /\|[^|]*`${variable}(\(ID\))?`[^|]*\|/ : variable
      String page = new File(REPOSITORY, "vars/${variable}.txt").text
      assert page.contains('\n' + shared + '\n') : variable
      List<String> own = listed(new File(REPOSITORY, "vars/${variable}.groovy").text, 'takes: ')
      assert parameters(page - shared) == own : variable
    }
  }

  /** The names that a page explains. */
  private static List<String> parameters(String page) {
    page.readLines().collectMany { (it =~ /^([a-z][A-Za-z0-9, ]*?)  +\S/).collect { it[1].split(', ') as List }.flatten() }.sort()
  }

  /** The names of a list in a source. */
  private static List<String> listed(String source, String after) {
    List<List<String>> found = (source =~ /${after}\[(.*?)\]/).collect { it[1].findAll(/\w+/) }
    found ? found[0].sort() : []
  }
}

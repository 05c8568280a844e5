package stepwise.jenkins

import org.junit.Test
import stepwise.jenkins.engine.Interruption

/** How a command ended, and what becomes of the build. */
class OutcomeTest extends LibraryTestCase {
  private static final String MISSED = 'tumour-screening: a gate was missed, area_under_roc 0.87 is not at least 0.9'

  private void ends(int code, String headline = null) {
    binary.codes['--only'] = code
    if (headline) { binary.happens['--only'] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, headline) } }
  }

  @Test
  void 'a missed gate makes the build unstable, with the gate as its description, and the build goes on'() {
    ends(4, MISSED)

    succeeds("evaluate spec: 'model/pipeline.yaml'\necho 'goes on'")

    assert jenkins.build.result == 'UNSTABLE'
    assert jenkins.build.description == MISSED
    assert jenkins.build.log == [MISSED, 'goes on']
  }

  @Test
  void 'cleanup says anew what the description is, as nothing is left then'() {
    ends(4, MISSED + '; 5 resources left')
    binary.happens[' cleanup '] = { folder, environment -> leaves(folder, environment.STEPWISE_RUN, MISSED) }

    succeeds("evaluate spec: 'model/pipeline.yaml'\ncleanup()")

    assert jenkins.build.result == 'UNSTABLE'
    assert jenkins.build.description == MISSED
  }

  @Test
  void 'a missed gate without a summary makes the build unstable all the same'() {
    ends(4)

    succeeds("evaluate spec: 'model/pipeline.yaml'")

    assert jenkins.build.result == 'UNSTABLE'
    assert jenkins.build.description == 'ended with exit code 4'
  }

  @Test
  void 'a failed step fails the build, and says why'() {
    ends(3, 'tumour-screening: step `score` failed')

    Throwable thrown = runs("score()\necho 'goes on'")

    assert thrown.message == 'stepwise score: tumour-screening: step `score` failed'
    assert jenkins.build.result == 'FAILURE'
    assert jenkins.build.description == null
    assert jenkins.build.log.empty
  }

  @Test
  void 'wrong usage and a run that is held fail the build, and an older summary does not say why'() {
    for (int code : [1, 2]) {
      ends(code, 'tumour-screening: as well as ever')

      assert runs('score()').message == "stepwise score: ended with exit code ${code}"
      assert jenkins.build.result == 'FAILURE'
    }
  }

  @Test
  void 'any other end fails the build'() {
    ends(3, 'tumour-screening: of an earlier step')
    assert runs('score()').message == 'stepwise score: tumour-screening: of an earlier step'

    for (int code : [1, 137]) {
      binary.happens.clear()
      ends(code)

      assert runs('score()').message == "stepwise score: ended with exit code ${code}"
    }
    assert jenkins.build.result == 'FAILURE'
  }

  @Test
  void 'a signal that the binary heeds aborts the build'() {
    for (int code : [130, 143]) {
      jenkins.build.result = 'SUCCESS'
      ends(code, 'tumour-screening: interrupted')

      assert runs('score()').message == 'stepwise score: tumour-screening: interrupted'
      assert jenkins.build.result == 'ABORTED'
    }
  }

  @Test
  void 'what goes wrong after a failure is told and does not take its place'() {
    ends(3, 'tumour-screening: step `score` failed')
    steps.fails('stash', 'no space left on device')
    assert runs('score()').message == 'stepwise score: tumour-screening: step `score` failed'
    assert jenkins.build.log == ['stepwise score: no space left on device']

    binary.happens['--only'] = { folder, environment -> throw new Interruption() }
    assert runs('score()') instanceof Interruption
    assert jenkins.build.result == 'ABORTED'
  }

  @Test
  void 'what goes wrong after a success fails the build'() {
    ends(0, 'tumour-screening: succeeded')
    steps.fails('stash', 'no space left on device')

    assert runs('score()').message == 'no space left on device'
  }

  @Test
  void 'an abort stays an abort, and the run is kept'() {
    binary.happens['--only'] = { folder, environment ->
      leaves(folder, environment.STEPWISE_RUN, 'interrupted')
      throw new Interruption()
    }

    assert runs('score()') instanceof Interruption
    assert jenkins.build.result == 'ABORTED'
    assert calls('stash').collect { it[1].name } == ["stepwise-${RUN}"]
  }
}

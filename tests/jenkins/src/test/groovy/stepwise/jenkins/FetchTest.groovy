package stepwise.jenkins

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import java.security.MessageDigest
import org.junit.After
import org.junit.Before
import org.junit.Test

/** The binary of a mirror, where none is on the PATH. */
class FetchTest extends LibraryTestCase {
  private HttpServer mirror
  private String url
  private String sha256
  private File archive
  private int downloads
  private final Machine machine = new Machine(path: '/usr/bin:/bin')

  @Before
  void serve() {
    File release = folder.newFolder('release')
    File stepwise = new File(release, 'bin/stepwise')
    stepwise.parentFile.mkdirs()
    // It answers as far as the variables ask.
    stepwise.text = '''#!/bin/sh
      case "$1" in
        run-id) echo run-1 ;;
        plan) echo '{"pipeline": "p", "secret_variables": [], "unset_secrets": []}' ;;
        *) echo "$0 $*" > called ;;
      esac
    '''.stripIndent()
    stepwise.executable = true
    archive = folder.newFile('stepwise.tar.gz')
    assert ['tar', '-czf', archive.path, '-C', release.path, 'bin'].execute().waitFor() == 0
    sha256 = digest()
    mirror = HttpServer.create(new InetSocketAddress('127.0.0.1', 0), 0)
    mirror.createContext('/') { HttpExchange exchange ->
      downloads++
      exchange.sendResponseHeaders(200, archive.length())
      exchange.responseBody.withStream { it << archive.bytes }
    }
    mirror.start()
    url = "http://127.0.0.1:${mirror.address.port}/stepwise.tar.gz"
    steps.shell = machine
  }

  private String digest() {
    MessageDigest.getInstance('SHA-256').digest(archive.bytes).encodeHex()
  }

  @After
  void stop() {
    mirror.stop(0)
  }

  @Test
  void 'it is fetched once, checked and called by its path'() {
    jenkins.build.environment.putAll([STEPWISE_URL: url, STEPWISE_SHA256: sha256])

    succeeds("store()\nwasmStep('drift')")

    assert downloads == 1
    assert new File(workspace, 'called').text ==
      "${workspace}@tmp/stepwise-${sha256}/bin/stepwise run model/pipeline.yaml --run run-1 --only drift\n"
  }

  @Test
  void 'it may be named where it is called'() {
    succeeds("store(url: '${url}', sha256: '${sha256}')")

    assert new File(workspace, 'called').exists()
  }

  @Test
  void 'what has another checksum is neither kept nor called'() {
    Throwable thrown = runs("store(url: '${url}', sha256: '${'0' * 64}')")

    assert thrown.message == 'script returned exit code 1'
    assert downloads == 1
    assert !new File(workspace, 'called').exists()
    assert new File("${workspace}@tmp").list() == [] as String[]
  }

  @Test
  void 'what has no binary is neither kept nor called'() {
    File empty = folder.newFile('empty.tar.gz')
    assert ['tar', '-czf', empty.path, '-C', folder.newFolder('bin').path, '.'].execute().waitFor() == 0
    archive = empty

    Throwable thrown = runs("store(url: '${url}', sha256: '${digest()}')")

    assert thrown.message == 'script returned exit code 1'
    assert machine.log.toString().contains("error: the archive has no program bin/stepwise\n")
    assert new File("${workspace}@tmp").list() == [] as String[]
  }

  @Test
  void 'nothing is fetched without a checksum'() {
    Throwable thrown = runs("store(url: '${url}')")

    assert thrown.message == 'script returned exit code 2'
    assert downloads == 0
    assert machine.log.toString().contains('hint: set STEPWISE_SHA256 to the SHA-256 of the archive')
  }
}

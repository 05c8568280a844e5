package stepwise.jenkins

import groovy.json.JsonOutput
import groovy.json.JsonSlurperClassic

/** `stepwise stub` as a process of its own, and a client that asks it what it has. */
class Cluster implements Closeable {
  static final String USERNAME = 'ci'
  static final String API_KEY = 'a-key-that-only-the-stub-knows'

  final String url
  final String space
  private final String mart
  private final File requests
  private final Process process

  Cluster(File folder, String faults = null) {
    requests = new File(folder, 'requests.jsonl')
    List<String> command = [
      Machine.BINARY.path, 'stub', '--username', USERNAME, '--api-key', API_KEY, '--request-log', requests.path,
    ]
    if (faults) {
      File file = new File(folder, 'faults.yaml')
      file.text = faults
      command += ['--faults', file.path]
    }
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start()
    Map ready = new JsonSlurperClassic().parseText(new BufferedReader(new InputStreamReader(process.inputStream)).readLine()) as Map
    url = ready.url
    space = ready.space_id
    mart = ready.data_mart_id
  }

  /** What a pipeline must know of it, beside the key. */
  Map<String, String> getVariables() {
    [CPD_URL: url, CPD_USERNAME: USERNAME, CPD_SPACE: space]
  }

  /** Whether such a request was answered. */
  boolean wasAsked(String method, String path) {
    requests.exists() && requests.readLines().any { it.contains("\"method\":\"${method}\",\"path\":\"${path}\"") }
  }

  /** All that a run could have created. */
  Map<String, Integer> count() {
    String token = ask('POST', '/icp4d-api/v1/authorize', null, [username: USERNAME, api_key: API_KEY]).token
    Map<String, String> lists = [
      models: "/ml/v4/models?version=2024-01-01&space_id=${space}",
      deployments: "/ml/v4/deployments?version=2024-01-01&space_id=${space}",
    ]
    for (String kind : ['data_marts', 'service_providers', 'subscriptions', 'monitor_instances', 'data_sets']) {
      lists[kind] = "/openscale/${mart}/v2/${kind}"
    }
    lists.collectEntries { kind, path ->
      Map answer = ask('GET', path, token, null)
      [(kind): ((answer.resources ?: answer[kind] ?: []) as List).size()]
    } as Map<String, Integer>
  }

  private Map ask(String method, String path, String token, Map body) {
    HttpURLConnection connection = new URL(url + path).openConnection() as HttpURLConnection
    connection.requestMethod = method
    if (token) { connection.setRequestProperty('Authorization', "Bearer ${token}") }
    if (body) {
      connection.doOutput = true
      connection.setRequestProperty('Content-Type', 'application/json')
      connection.outputStream.withWriter { it << JsonOutput.toJson(body) }
    }
    assert connection.responseCode == 200 : "${method} ${path}: ${connection.responseCode} ${connection.errorStream?.text}"
    new JsonSlurperClassic().parseText(connection.inputStream.text) as Map
  }

  @Override
  void close() {
    process.destroy()
    process.waitFor()
  }
}

import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { fromEnvironment, parseConfig } from '../../src/config.ts';
import { read, readManifests, readYaml } from './files.ts';

const FOLDER = new URL('../../deploy', import.meta.url);
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).sort();
const { Deployment, Service } = readManifests('deploy/kubernetes/taustat.yaml');
const { ServingRuntime, InferenceService } = readManifests('deploy/kserve/taustat.yaml');
const { drainSeconds, port } = parseConfig({}).server;

interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
}

/** Throws for a variable that is no setting. A value that comes from a secret is any long enough text. */
function settingsOf(variables: readonly EnvironmentVariable[]) {
  const values = variables.map(({ name, value = 'a-secret-value' }) => [name, value]);
  return parseConfig(fromEnvironment(Object.fromEntries(values)));
}

describe('deploy/', () => {
  it.each(files.filter((file) => /\.ya?ml$/.test(file)))('%s is YAML', (file) => {
    const documents = parseAllDocuments(read(`deploy/${file}`), { uniqueKeys: true });
    expect(documents.length).toBeGreaterThan(0);
    for (const { errors, warnings } of documents) expect([...errors, ...warnings]).toEqual([]);
  });

  it.each(files.filter((file) => /\.\w+$/.test(file) && file !== 'README.md'))(
    'README tells of %s',
    (file) => {
      const [folder] = file.split('/');
      expect(read('deploy/README.md')).toMatch(new RegExp(`\`(${folder}/?|${file})`));
    },
  );
});

describe('Kubernetes', () => {
  const pod = Deployment!.spec.template.spec;
  const [container] = pod.containers;

  it('keeps the variables of its own Service out of the settings', () => {
    expect(Service!.metadata.name).toBe('taustat');
    expect(pod.enableServiceLinks).toBe(false);
  });

  it('leads the Service to the server', () => {
    expect(Deployment!.spec.template.metadata.labels).toMatchObject(Service!.spec.selector);
    expect(Deployment!.spec.selector.matchLabels).toEqual(Service!.spec.selector);
    expect(container.ports).toEqual([{ name: Service!.spec.ports[0].targetPort, containerPort: port }]);
    expect(Deployment!.spec.template.metadata.annotations['prometheus.io/port']).toBe(String(port));
  });

  it('gives requests under way their time', () => {
    const pause = Number(container.lifecycle.preStop.exec.command[1]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(pause + drainSeconds);
  });

  it('leaves a core to the thread that speaks HTTP', () => {
    const { runtime, control } = settingsOf(container.env);
    expect(runtime.workers).toBe(Number(container.resources.limits.cpu) - 1);
    expect(control.token).toBeDefined();
  });

  it('asks for readiness and life where they are told', () => {
    expect(container.readinessProbe.httpGet.path).toBe('/v2/health/ready');
    expect(container.startupProbe.httpGet.path).toBe('/v2/health/ready');
    expect(container.livenessProbe.httpGet.path).toBe('/v2/health/live');
  });

  it('needs no privilege', () => {
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });
});

describe('KServe', () => {
  const [container] = ServingRuntime!.spec.containers;

  it('offers ONNX over v2, and uses it', () => {
    const { model, minReplicas, enableServiceLinks } = InferenceService!.spec.predictor;
    const [format] = ServingRuntime!.spec.supportedModelFormats;
    expect(model.runtime).toBe(ServingRuntime!.metadata.name);
    expect(model.modelFormat.name).toBe(format.name);
    expect(ServingRuntime!.spec.protocolVersions).toContain(model.protocolVersion);
    expect({ minReplicas, enableServiceLinks }).toEqual({ minReplicas: 1, enableServiceLinks: false });
    expect(container.args).toEqual(['serve', '/mnt/models/model.onnx', '--name', '{{.Name}}']);
    expect(container.ports[0].containerPort).toBe(port);
  });

  it('insists on a token, since its proxy makes everybody loopback', () => {
    expect(settingsOf(container.env).control.token).toBeDefined();
    const token = container.env.find(({ name }: EnvironmentVariable) => name === 'TAUSTAT_CONTROL_TOKEN');
    expect(token.valueFrom.secretKeyRef.optional).toBeUndefined();
  });
});

describe('compose', () => {
  const { services } = readYaml<{
    services: Record<'taustat' | 'prometheus' | 'grafana', { volumes: string[]; [key: string]: unknown }>;
  }>('deploy/compose.yaml');
  const scraping = readYaml<{
    global: { scrape_interval: string };
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  }>('deploy/prometheus/prometheus.yml');

  it('publishes on loopback only', () => {
    for (const { ports } of Object.values(services))
      expect(ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)]);
  });

  it('stops taustat with the time that requests under way need', () => {
    expect(Number.parseInt(String(services.taustat.stop_grace_period), 10)).toBeGreaterThan(drainSeconds);
  });

  it('sets what are settings', () => {
    const names = Object.keys(services.taustat.environment as object);
    expect(() => settingsOf(names.map((name) => ({ name })))).not.toThrow();
  });

  it('connects scraping, the data source and the dashboard', () => {
    expect(scraping.scrape_configs[0]!.static_configs[0]!.targets).toEqual([`taustat:${port}`]);
    const { datasources } = readYaml<{ datasources: { url: string; jsonData: { timeInterval: string } }[] }>(
      'deploy/grafana/datasource.yaml',
    );
    expect(datasources[0]!.url).toBe('http://prometheus:9090');
    expect(datasources[0]!.jsonData.timeInterval).toBe(scraping.global.scrape_interval);
    const { providers } = readYaml<{ providers: { options: { path: string } }[] }>(
      'deploy/grafana/dashboards.yaml',
    );
    expect(services.grafana.volumes).toContain(`../dashboards:${providers[0]!.options.path}:ro`);
  });
});

import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { servingConfig } from '../../src/cli/options.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { fromEnvironment } from '../../src/config/sources.ts';
import { parseAddress } from '../../src/runtime/upstream/address.ts';
import { read, readManifests, readYaml, STATE_FOLDER } from './files.ts';

const FOLDER = new URL('../../deploy', import.meta.url);
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).sort();
const { Deployment } = readManifests('deploy/kubernetes/base/deployment.yaml');
const { Service } = readManifests('deploy/kubernetes/base/service.yaml');
const { ServingRuntime, InferenceService } = readManifests('deploy/kserve/taustat.yaml');
const { drainSeconds, port } = parseConfig({}).server;

interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
}

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

/** What the state folder of a container is, of the volumes of its pod. */
function stateVolume(container: { volumeMounts: Mount[] }, volumes: { name: string }[]): object {
  const mount = container.volumeMounts.find(({ mountPath }) => mountPath === STATE_FOLDER);
  expect(mount?.readOnly).toBeUndefined();
  const found = volumes.filter(({ name }) => name === mount?.name);
  expect(found).toHaveLength(1);
  const { name: _, ...volume } = found[0]!;
  return volume;
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

it('every file names the image by the version of this package', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const named = files
    .filter((file) => /\.\w+$|Dockerfile$/.test(file))
    .flatMap((file) => [...read(`deploy/${file}`).matchAll(/\btaustat(?::|, newTag: )(\d+\.\d+\.\d+)/g)])
    .map(([, tag]) => tag);
  expect(named.length).toBeGreaterThan(5);
  expect(new Set(named)).toEqual(new Set([version]));
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
    const { grpcPort } = settingsOf(container.env).server;
    const targets = Service!.spec.ports.map(({ targetPort }: { targetPort: string }) => targetPort);
    expect(container.ports).toEqual([
      { name: targets[0], containerPort: port },
      { name: targets[1], containerPort: grpcPort },
    ]);
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
    expect(pod.securityContext.runAsUser).toBe(1000);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });
});

describe('state in Kubernetes', () => {
  const { spec } = Deployment!.spec.template;

  it('has a folder that the user of the image may write to, although the rest is read-only', () => {
    expect(stateVolume(spec.containers[0], spec.volumes)).toEqual({ emptyDir: {} });
    expect(spec.containers[0].securityContext.readOnlyRootFilesystem).toBe(true);
    expect(spec.securityContext.fsGroup).toBe(spec.securityContext.runAsGroup);
  });

  it('can be shared by all pods, with a component', () => {
    const folder = 'deploy/kubernetes/components/kept-state';
    const { metadata, spec: claim } = readManifests(`${folder}/persistentvolumeclaim.yaml`)
      .PersistentVolumeClaim!;
    const [volume] = readManifests(`${folder}/volume.yaml`).Deployment!.spec.template.spec.volumes;
    expect(volume).toEqual({
      name: spec.volumes[0].name,
      emptyDir: null,
      persistentVolumeClaim: { claimName: metadata.name },
    });
    expect(claim.accessModes).toEqual(['ReadWriteMany']);
  });

  it('keeps pruning off for all pods, as the comment says', () => {
    const line = /# - (\{ name: TAUSTAT_CONTROL_MODE, .*\})/.exec(
      read('deploy/kubernetes/base/deployment.yaml'),
    )!;
    expect(settingsOf([parse(line[1]!)]).control.mode).toBe('off');
  });
});

describe('KServe', () => {
  const [container] = ServingRuntime!.spec.containers;

  it('has a state folder that the user of the image may write to', () => {
    expect(stateVolume(container, ServingRuntime!.spec.volumes)).toEqual({ emptyDir: {} });
    expect(container.securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 1000,
    });
    const { fsGroup } = InferenceService!.spec.predictor.securityContext;
    expect(fsGroup).toBe(container.securityContext.runAsGroup);
  });

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

  it('keeps state in a volume of its own, on an otherwise read-only file system', () => {
    const { volumes } = readYaml<{ volumes: object }>('deploy/compose.yaml');
    const [name, folder] = services.taustat.volumes
      .find((volume) => volume.endsWith(STATE_FOLDER))!
      .split(':');
    expect([Object.keys(volumes).includes(name!), folder, services.taustat.read_only]).toEqual([
      true,
      STATE_FOLDER,
      true,
    ]);
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

describe('in front of a Triton', () => {
  interface Service {
    readonly command: string[];
    readonly environment: Record<string, string>;
    readonly expose: string[];
  }
  const { InferenceService } = readManifests('deploy/kserve/transformer.yaml');
  const containers = InferenceService!.spec.predictor.containers;
  const [model, front] = containers;
  const flagsOf = (args: readonly string[]) => {
    const [command, ...flags] = args;
    expect(command).toBe('serve');
    const names = flags.filter((_, i) => i % 2 === 0);
    expect(names).toEqual(['--upstream', '--model', '--instrumented']);
    const [upstream, name, instrumented] = flags.filter((_, i) => i % 2 === 1);
    return { upstream: upstream!, model: name!, instrumented: instrumented!, state: true };
  };

  it('as a transformer of KServe: both containers by their names, at ports of their own', () => {
    expect(containers.map(({ name }: { name: string }) => name)).toEqual([
      'kserve-container',
      'transformer-container',
    ]);
    const { upstream } = servingConfig(undefined, flagsOf(front.args));
    expect(upstream.models).toEqual([{ name: 'digits', instrumented: 'digits_taustat' }]);
    expect(model.args).toContain(`--http-port=${new URL(upstream.url!).port}`);
    const settings = settingsOf([
      ...front.env,
      { name: 'TAUSTAT_UPSTREAM_URL', value: upstream.url },
      { name: 'TAUSTAT_UPSTREAM_MODELS', value: '[{ name: digits }]' },
    ]);
    expect([settings.server.port, settings.server.grpcPort]).toEqual([8080, 8081]);
    expect(front.ports).toEqual([{ name: 'http1', containerPort: port, protocol: 'TCP' }]);
    expect(stateVolume(front, InferenceService!.spec.predictor.volumes)).toEqual({ emptyDir: {} });
  });

  it('with compose: at the ports where Triton listens', () => {
    const { services } = readYaml('deploy/upstream/compose.yaml') as { services: Record<string, Service> };
    const [triton, taustat] = [services.triton!, services.taustat!];
    const { upstream } = servingConfig(undefined, flagsOf(taustat.command));
    const { TAUSTAT_UPSTREAM_PASS_THROUGH_URL: other } = taustat.environment;
    for (const url of [upstream.url!, other!]) {
      expect(parseAddress(url).authority).toMatch(/^triton:/);
      expect(triton.expose).toContain(parseAddress(url).authority.split(':')[1]);
    }
  });
});

import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { parseConfig } from '../../src/config/schema.ts';
import { fromEnvironment } from '../../src/config/sources.ts';
import { exportedSeries } from './exported.ts';
import { type Manifest, read, readYaml } from './files.ts';
import { type Checked, fieldProblems, type Typed, valueProblems } from './schemas.ts';

const FOLDER = 'deploy/kubernetes';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RULE = `${FOLDER}/components/monitoring/prometheusrule.yaml`;
/** Settings for something that is not in the folder. */
const FOREIGN = [`${FOLDER}/components/autoscaling/adapter-rules.yaml`];

type Resource = Manifest & Typed;

interface Patch {
  readonly path?: string;
  readonly target?: { readonly kind: string; readonly name: string };
}

interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly Patch[];
}

const files = readdirSync(new URL(`../../${FOLDER}`, import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => `${FOLDER}/${file.replaceAll('\\', '/')}`);
const folders = files.filter((file) => file.endsWith('/kustomization.yaml')).map(posix.dirname);
const bases = folders.filter((folder) => !folder.includes('/components/'));

const kustomizationOf = (folder: string) => readYaml<Kustomization>(`${folder}/kustomization.yaml`);
const within = (folder: string, paths: readonly string[] = []) =>
  paths.map((path) => posix.join(folder, path));
const objectsIn = (file: string) =>
  parseAllDocuments(read(file)).map((document) => document.toJS() as Resource);
const nameOf = ({ kind, metadata }: Resource) => `${kind}/${metadata.name}`;

/** The files of objects that a folder brings, those of other folders included. */
function resourcesOf(folder: string): string[] {
  const { resources, components } = kustomizationOf(folder);
  const named = [...within(folder, resources), ...within(folder, components)];
  return named.flatMap((path) => (path.endsWith('.yaml') ? [path] : resourcesOf(path)));
}

/** The patches that a folder brings, with the object that each is for. */
function patchesOf(folder: string): string[] {
  const { resources, components, patches = [] } = kustomizationOf(folder);
  const own = patches.map(({ path, target }) =>
    target === undefined ? nameOf(objectsIn(posix.join(folder, path!))[0]!) : `${target.kind}/${target.name}`,
  );
  const others = [...within(folder, resources), ...within(folder, components)];
  return [...own, ...others.filter((path) => !path.endsWith('.yaml')).flatMap(patchesOf)];
}

describe('the folder for Kubernetes', () => {
  it('has what its kustomizations name, and nothing else', () => {
    const named = folders.flatMap((folder) => {
      const { resources, components, patches = [] } = kustomizationOf(folder);
      const paths = [
        ...(resources ?? []),
        ...(components ?? []),
        ...patches.flatMap(({ path }) => path ?? []),
      ];
      return within(folder, paths).map((path) =>
        path.endsWith('.yaml') ? path : `${path}/kustomization.yaml`,
      );
    });
    const roots = bases.map((folder) => `${folder}/kustomization.yaml`);
    expect([...new Set([...named, ...roots, ...FOREIGN])].sort()).toEqual([...files].sort());
  });

  it.each(bases)('%s patches what it has', (folder) => {
    const objects = resourcesOf(folder).flatMap(objectsIn).map(nameOf);
    for (const target of patchesOf(folder)) expect(objects).toContain(target);
    expect(new Set(objects).size).toBe(objects.length);
  });
});

/** As `kubectl apply -k` would apply it. */
function render(folder: string): Resource[] {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Resource);
}

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
const rendered = hasKubectl ? new Map(bases.map((folder) => [folder, render(folder)])) : new Map();
const resources = [...new Set(bases.flatMap(resourcesOf))];

describe('every object is one of its API', () => {
  const written = resources.flatMap((file) => objectsIn(file).map((content) => ({ where: file, content })));
  const made = [...rendered].flatMap(([folder, objects]: [string, Resource[]]) =>
    objects.map((content) => ({ where: `kustomize ${folder}`, content })),
  );
  const all: Checked[] = [...written, ...made, ...kserveContainers()];

  it.each(all.map((one) => [`${one.where}: ${one.content.kind}`, one] as const))(
    '%s has values that are allowed',
    async (_, one) => expect(await valueProblems(one)).toEqual([]),
  );

  it('and fields that exist', () => {
    expect(all.length).toBeGreaterThan(10);
    expect(fieldProblems(all)).toEqual([]);
  });

  it('notices a field that does not exist, a value that is not allowed, and a kind that is none', async () => {
    const content = written[0]!.content;
    const wrong = structuredClone(content) as Resource;
    wrong.spec.template.spec.containers[0].readynessProbe = {};
    expect(fieldProblems([{ where: 'here', content: wrong }])).toEqual([
      expect.stringMatching(/^here: .*readynessProbe/),
    ]);
    wrong.spec.replicas = 'two';
    expect(await valueProblems({ where: 'here', content: wrong })).toEqual([
      expect.stringContaining('replicas'),
    ]);
    const none = { where: 'here', content: { apiVersion: 'apps/v1', kind: 'Deploiment' } };
    await expect(valueProblems(none)).rejects.toThrow('has no Deploiment');
  });
});

/** KServe's own kinds are in no package; what they hold of a pod is checked as a pod. */
function kserveContainers(): Checked[] {
  return ['deploy/kserve/taustat.yaml', 'deploy/kserve/transformer.yaml'].flatMap((where) =>
    objectsIn(where)
      .map(({ kind, spec }) => (kind === 'ServingRuntime' ? spec : spec.predictor))
      .filter(({ containers }) => containers !== undefined)
      .map(({ containers, volumes, securityContext, enableServiceLinks }) => {
        const pod = { containers, volumes, securityContext, enableServiceLinks };
        const content = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod' }, spec: pod };
        // What a manifest leaves out is left out here, too.
        return { where, content: JSON.parse(JSON.stringify(content)) as Resource };
      }),
  );
}

describe('what belongs together', () => {
  const objects = resources.flatMap(objectsIn);
  const find = (name: string) => objects.find((one) => nameOf(one) === name)!;
  const { labels } = find('Deployment/taustat').spec.template.metadata;

  it('selects the pods of the Deployment', () => {
    const selectors = [
      find('Service/taustat').spec.selector,
      find('PodDisruptionBudget/taustat').spec.selector.matchLabels,
      find('NetworkPolicy/taustat').spec.podSelector.matchLabels,
      find('NetworkPolicy/taustat-metrics').spec.podSelector.matchLabels,
      ...find('Deployment/taustat').spec.template.spec.topologySpreadConstraints.map(
        (one: { labelSelector: { matchLabels: object } }) => one.labelSelector.matchLabels,
      ),
    ];
    for (const selector of selectors) expect(labels).toMatchObject(selector);
    const { selector, endpoints } = find('ServiceMonitor/taustat').spec;
    const { metadata, spec } = find('Service/taustat') as unknown as {
      metadata: { labels: object };
      spec: { ports: { name: string }[] };
    };
    expect(metadata.labels).toMatchObject(selector.matchLabels);
    expect(spec.ports.map(({ name }) => name)).toContain(endpoints[0].port);
  });

  it('scales by a metric that there is', async () => {
    const { metrics, scaleTargetRef } = find('HorizontalPodAutoscaler/taustat').spec;
    const { name } = metrics[0].pods.metric;
    expect([...(await exportedSeries()).keys()]).toContain(name);
    expect(read(FOREIGN[0]!)).toContain(`seriesQuery: ${name}{`);
    expect(scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'taustat' });
  });

  it('alerts as the rules do', () => {
    const { groups } = readYaml<{ groups: object[] }>('deploy/prometheus/rules.yml');
    const rule = {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'taustat', labels: { 'app.kubernetes.io/name': 'taustat' } },
      spec: { groups },
    };
    const made =
      '# Made of deploy/prometheus/rules.yml: UPDATE_DOCS=1 npx vitest run test/deploy/kubernetes.test.ts';
    if (process.env.UPDATE_DOCS === '1')
      writeFileSync(new URL(`../../${RULE}`, import.meta.url), `${made}\n${stringify(rule)}`);
    expect(parse(read(RULE))).toEqual(rule);
  });
});

describe.skipIf(!hasKubectl)('as kubectl makes it', () => {
  const of = (overlay: string, name: string) =>
    (rendered.get(`${FOLDER}/overlays/${overlay}`) as Resource[]).find((one) => nameOf(one) === name)!;
  const settingsOf = (deployment: Resource) => {
    const { env } = deployment.spec.template.spec.containers[0];
    const values = (env as { name: string; value?: string }[]).map(
      ({ name, value = 'a-secret-value' }) => [name, value.replace('$(REDIS_PASSWORD)', 'secret')] as const,
    );
    return parseConfig(
      fromEnvironment(Object.fromEntries(values.filter(([name]) => name.startsWith('TAUSTAT_')))),
    );
  };

  it('production: replicas that share a store, and as many as the autoscaler says', () => {
    const deployment = of('production', 'Deployment/taustat');
    expect(deployment.spec.replicas).toBeUndefined();
    const { env } = deployment.spec.template.spec.containers[0];
    const names = env.map(({ name }: { name: string }) => name);
    // A variable is put into those after it.
    expect(names.indexOf('REDIS_PASSWORD')).toBeLessThan(names.indexOf('TAUSTAT_STORE_URL'));
    const { store, server } = settingsOf(deployment);
    const { hostname, port } = new URL(store.url!);
    const service = of('production', `Service/${hostname}`);
    expect(service.spec.ports[0].port).toBe(Number(port));
    expect(of('production', `Deployment/${hostname}`).spec.template.metadata.labels).toMatchObject(
      service.spec.selector,
    );
    expect(of('production', 'NetworkPolicy/taustat').spec.egress[0].to[0].podSelector.matchLabels).toEqual(
      service.spec.selector,
    );
    expect(server.grpcPort).toBe(8081);
  });

  it('production: scraped once', () => {
    expect(of('production', 'Deployment/taustat').spec.template.metadata.annotations).toBeUndefined();
    expect(of('production', 'ServiceMonitor/taustat')).toBeDefined();
  });

  it('single: one replica, never two at a time, with a claim for its state', () => {
    const { spec } = of('single', 'Deployment/taustat');
    expect([spec.replicas, spec.strategy]).toEqual([1, { type: 'Recreate' }]);
    const { metadata, spec: claim } = of('single', 'PersistentVolumeClaim/taustat-state');
    expect(spec.template.spec.volumes).toEqual([
      { name: 'state', persistentVolumeClaim: { claimName: metadata.name } },
    ]);
    expect(claim.accessModes).toEqual(['ReadWriteOnce']);
  });
});

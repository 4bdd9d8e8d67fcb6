import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../../src/transport/http/app.ts';
import { consoleRoutes } from '../../../src/transport/http/console-routes.ts';
import { createFakePlane } from './fake-plane.ts';

const DIRECTORY = new URL('../../../console/', import.meta.url);
const FILES = readdirSync(DIRECTORY).filter((name) => /\.(js|css|svg|html)$/.test(name));

function app() {
  const whole = createApp(createFakePlane());
  whole.route('/', consoleRoutes());
  return whole;
}

describe('GET /', () => {
  it('gives every element an id of its own', async () => {
    const page = await (await app().request('/')).text();
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.length).toBeGreaterThan(20);
    expect(ids).toEqual([...new Set(ids)]);
  });

  it('serves the page as HTML that may load from its own origin only', async () => {
    const answer = await app().request('/');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await answer.text()).toMatch(/^<!doctype html>/);
    const policy = new Map(
      answer.headers
        .get('content-security-policy')!
        .split('; ')
        .map((directive) => [directive.split(' ')[0]!, directive.split(' ').slice(1).join(' ')]),
    );
    expect(Object.fromEntries(policy)).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'connect-src': "'self'",
      'img-src': "'self' data:",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
    });
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect(answer.headers.get('x-frame-options')).toBe('DENY');
    expect(answer.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('answers HEAD with the same headers and no body', async () => {
    const got = await app().request('/');
    const head = await app().request('/', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect([...head.headers]).toEqual([...got.headers]);
    expect((await head.arrayBuffer()).byteLength).toBe(0);
  });

  it('answers 304 to the tag that it gave, and the page to another', async () => {
    const tag = (await app().request('/')).headers.get('etag')!;
    const same = await app().request('/', { headers: { 'If-None-Match': `W/"other", ${tag}` } });
    expect(same.status).toBe(304);
    expect((await same.arrayBuffer()).byteLength).toBe(0);
    const other = await app().request('/', { headers: { 'If-None-Match': '"other"' } });
    expect(other.status).toBe(200);
  });

  it('leaves other verbs to the application', async () => {
    const answer = await app().request('/', { method: 'POST' });
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/json');
  });
});

describe('GET /console/…', () => {
  it.each([
    ['theme.css', 'text/css; charset=utf-8'],
    ['console.js', 'text/javascript; charset=utf-8'],
    ['icon.svg', 'image/svg+xml'],
    ['index.html', 'text/html; charset=utf-8'],
  ])('serves %s as %s, never sniffed, under the same policy', async (file, type) => {
    const answer = await app().request(`/console/${file}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe(type);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await answer.text()).toBe(readFileSync(new URL(file, DIRECTORY), 'utf8'));
  });

  it.each([
    '/console/absent.js',
    '/console/tsconfig.json',
    '/console/',
    '/console',
    '/console/..%2Fpackage.json',
    '/console/%2e%2e%2fpackage.json',
    '/console/toString',
    '/console/__proto__',
  ])("answers %s with the application's 404", async (path) => {
    const answer = await app().request(path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ error: `path '${decodeURI(path)}' is not found` });
  });
});

describe("the page's files", () => {
  it('load nothing that the server does not serve', async () => {
    const page = readFileSync(new URL('index.html', DIRECTORY), 'utf8');
    const loaded = [...page.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, url]) => url!);
    expect(loaded).toContain('console/console.js');
    for (const url of loaded) expect((await app().request(`/${url}`)).status, url).toBe(200);
    for (const file of FILES.filter((name) => name.endsWith('.js'))) {
      const text = readFileSync(new URL(file, DIRECTORY), 'utf8');
      const imported = [...text.matchAll(/^(?:import|export)[^;]*? from '([^']+)'/gm)].map(([, url]) => url!);
      for (const url of imported) expect(FILES, `${file} imports ${url}`).toContain(url.replace(/^\.\//, ''));
    }
  });

  it.each(FILES)('%s names no other origin and holds nothing inline', (file) => {
    const text = readFileSync(new URL(file, DIRECTORY), 'utf8').replaceAll('http://www.w3.org/2000/svg', '');
    expect(text).not.toMatch(
      /https?:\/\/|wss?:\/\/|["'(]\/\/|\beval\(|new Function|innerHTML|document\.write/,
    );
    expect(text).not.toMatch(/<style|style="|\son\w+="|<script(?![^>]*\bsrc=)/);
  });
});

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { Hono } from 'hono';
import { routePath } from 'hono/route';

const DIRECTORY = new URL('../../../console/', import.meta.url);

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page may load and call only its own origin; no other page may frame it. */
const PAGE_HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-cache',
};

interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * `GET /`, the live console, and its files under `/console/`, relative to where they are mounted.
 *
 * All files are read once, here: requests never touch the disk, so no path can lead out of the folder. Unknown files get
 * the application's not-found answer.
 *
 * @throws Error when the package was installed without its `console` folder.
 */
export function consoleRoutes(): Hono {
  const assets = readAssets();
  const page = readAsset('index.html');
  const routes = new Hono();
  routes.get('/*', (context, next) => {
    // Redirects to the mount path with a trailing slash: the page loads its files relative to it.
    const root = routePath(context).slice(0, -1);
    const { path } = context.req;
    if (path === root) return Promise.resolve(answer(page, context.req.header('if-none-match')));
    const name = path.slice(path.lastIndexOf('/') + 1);
    return `${path}/` === root ? Promise.resolve(context.redirect(`${name}/`, 308)) : next();
  });
  routes.get('/console/:file', (context, next) => {
    const asset = assets.get(context.req.param('file'));
    return asset === undefined ? next() : Promise.resolve(answer(asset, context.req.header('if-none-match')));
  });
  return routes;
}

function answer({ body, etag, headers }: Asset, ifNoneMatch: string | undefined): Response {
  if (ifNoneMatch?.includes(etag)) return new Response(null, { status: 304, headers });
  return new Response(body, { headers });
}

function readAssets(): ReadonlyMap<string, Asset> {
  const names = readdirSync(DIRECTORY).filter((name) => extname(name) in MEDIA_TYPES);
  return new Map(names.map((name) => [name, readAsset(name)]));
}

function readAsset(name: string): Asset {
  const body = new Uint8Array(readFileSync(new URL(name, DIRECTORY)));
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const headers = { ...PAGE_HEADERS, 'Content-Type': MEDIA_TYPES[extname(name)] ?? '', ETag: etag };
  return { body, etag, headers };
}

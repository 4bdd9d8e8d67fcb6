import { Hono } from 'hono';
import { json, onlyMethod } from '../answers.ts';
import type { NodeBindings } from '../body.ts';
import { type Json, openApiDocument } from './document.ts';

/** `GET /v2/openapi.json`. The document is made when it is asked for first. */
export function openApiRoutes(): Hono<{ Bindings: NodeBindings }> {
  const routes = new Hono<{ Bindings: NodeBindings }>();
  let document: Json | undefined;
  routes.all(
    '/v2/openapi.json',
    onlyMethod('GET', () => {
      document ??= openApiDocument();
      return json(document);
    }),
  );
  return routes;
}

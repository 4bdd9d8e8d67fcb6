import { inferJsonSuite } from '../../contracts/infer-json-suite.ts';

inferJsonSuite({});

import { inferJsonSuite } from '../../contracts/infer-json-suite.ts';

// Every body in the codec's thread, however small.
inferJsonSuite({ asideFromBytes: 0, asideFromElements: 0 });

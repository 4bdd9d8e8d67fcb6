import { inferJsonSuite } from '../../contracts/infer-json-suite.ts';

// Every body in the codec's thread, however small.
inferJsonSuite({ threadFromBytes: 0, threadFromElements: 0 });

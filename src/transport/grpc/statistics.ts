import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ModelStatistics } from '../../plane/inference.ts';

const NOTHING = { count: 0, ns: 0 } as const;

/** `ModelStatisticsResponse`: the same figures as REST, one entry per model and version; unmeasured ones stay zero. */
export function encodeStatistics(
  models: readonly (readonly [name: string, versions: readonly ModelStatistics[]])[],
): Uint8Array {
  const writer = new BinaryWriter();
  for (const [name, versions] of models) {
    for (const statistics of versions) {
      writer.tag(1, WireType.LengthDelimited).fork();
      writeStatistics(writer, name, statistics);
      writer.join();
    }
  }
  return writer.finish();
}

function writeStatistics(writer: BinaryWriter, name: string, statistics: ModelStatistics): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).string(statistics.version);
  writer.tag(3, WireType.Varint).uint64(statistics.lastInferenceMs);
  writer.tag(4, WireType.Varint).uint64(statistics.inferenceCount);
  writer.tag(5, WireType.Varint).uint64(statistics.executionCount);
  writer.tag(6, WireType.LengthDelimited).fork();
  writeDuration(writer, 1, statistics.success);
  writeDuration(writer, 2, statistics.fail);
  writeDuration(writer, 3, statistics.queue);
  writeDuration(writer, 4, statistics.decode);
  writeDuration(writer, 5, statistics.infer);
  writeDuration(writer, 6, statistics.encode);
  writer.join();
  for (const { rows, infer } of statistics.batches) {
    writer.tag(7, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.Varint).uint64(rows);
    writeDuration(writer, 2, NOTHING);
    writeDuration(writer, 3, infer);
    writeDuration(writer, 4, NOTHING);
    writer.join();
  }
}

function writeDuration(writer: BinaryWriter, field: number, { count, ns }: ModelStatistics['queue']): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).uint64(count);
  writer.tag(2, WireType.Varint).uint64(ns);
  writer.join();
}

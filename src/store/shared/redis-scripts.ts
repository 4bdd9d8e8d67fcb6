/**
 * The operations of a shared store that must be atomic, as scripts of Redis 5 and later (and of Valkey). Each takes the time from
 * Redis itself.
 */

const NOW = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;

export const SCRIPTS = {
  /**
   * Keys: alive in the group, lease, decision, alive of the model, about, choice. Arguments: replica, fingerprint, about, aliveMs,
   * leaseMs, revision. Returns now, who decides, replicas, revision, sequence of the choice.
   */
  taustatBeat: {
    keys: 6,
    lua: `${NOW}
local replica, alive, lease = ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[5])
for _, key in ipairs({KEYS[1], KEYS[4]}) do
  redis.call('ZADD', key, now, replica)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. (now - alive))
  redis.call('PEXPIRE', key, alive * 10)
end
redis.call('HSET', KEYS[5], replica, ARGV[2] .. ' ' .. ARGV[3])
redis.call('PEXPIRE', KEYS[5], alive * 10)
local known = tonumber(redis.call('HGET', KEYS[3], 'revision') or '0')
if tonumber(ARGV[6]) > known then
  known = tonumber(ARGV[6])
  redis.call('HSET', KEYS[3], 'revision', known)
end
local holder = redis.call('GET', KEYS[2])
if lease > 0 and (not holder or holder == replica) then
  redis.call('SET', KEYS[2], replica, 'PX', lease)
  holder = replica
end
local choice = tonumber(redis.call('HGET', KEYS[6], 'sequence') or '0')
return {now, holder or '', redis.call('ZCARD', KEYS[1]), known, choice}`,
  },

  /** Keys: lease. Arguments: replica. */
  taustatResign: {
    keys: 1,
    lua: `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1`,
  },

  /** Keys: alive of the model, about. Arguments: aliveMs. Returns replica and what is told of it, in turn. */
  taustatMembers: {
    keys: 2,
    lua: `${NOW}
local there = {}
for _, replica in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now - tonumber(ARGV[1]), '+inf')) do
  local about = redis.call('HGET', KEYS[2], replica)
  if about then
    there[#there + 1] = replica
    there[#there + 1] = about
  end
end
return there`,
  },

  /** Keys: log. Arguments: record, most, keepMs, channel ('' for none), message. */
  taustatAppend: {
    keys: 1,
    lua: `
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'r', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1`,
  },

  /** Keys: lease, decision. Arguments: replica, revision, state, memory, channel, message. Returns 1 if it was written. */
  taustatDecide: {
    keys: 2,
    lua: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local known = tonumber(redis.call('HGET', KEYS[2], 'revision') or '0')
if tonumber(ARGV[2]) <= known then return 0 end
redis.call('HSET', KEYS[2], 'revision', ARGV[2], 'decided', ARGV[2], 'state', ARGV[3], 'memory', ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1`,
  },

  /** Keys: choice. Arguments: choice, at ('' for now), channel. Returns sequence, at and text of the latest. */
  taustatChoose: {
    keys: 1,
    lua: `${NOW}
local before = redis.call('HMGET', KEYS[1], 'sequence', 'at', 'choice')
local last = tonumber(before[2] or '0') or 0
local at = tonumber(ARGV[2])
if at and before[1] and at <= last then return {tonumber(before[1]), last, before[3]} end
at = at or math.max(now, last + 1)
local sequence = (tonumber(before[1] or '0') or 0) + 1
redis.call('HSET', KEYS[1], 'sequence', sequence, 'at', string.format('%.0f', at), 'choice', ARGV[1])
redis.call('PUBLISH', ARGV[3], cjson.encode({kind = 'choice', sequence = sequence, at = at, choice = ARGV[1]}))
return {sequence, at, ARGV[1]}`,
  },
} as const;

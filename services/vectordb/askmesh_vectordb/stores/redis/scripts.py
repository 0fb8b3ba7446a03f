"""The writes, as scripts that Redis runs one at a time and whole.

Building the graph of a vector set takes much longer than writing a record. So a write leaves its ids in `pending`, and
`LINK` brings the vector set up to the records for a few of them at a time, while others are served in between. What a
writer that died left behind is searched one by one until somebody links it.
"""

# KEYS: live, namespaces, log, then those of the space. ARGV[1]: the namespace; ARGV[2]: how long the log may grow.
_BEGIN = """
if redis.call('EXISTS', KEYS[1]) == 0 then return redis.error_reply('INDEXGONE') end
local namespaces, log, ids, values, metadata, uneven, pending, vectors =
    KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local namespace, most = ARGV[1], ARGV[2]
local function note(id)
    redis.call('XADD', log, 'MAXLEN', '~', most, '*', 'namespace', namespace, 'id', id)
end
local function differs(id, digest)
    if digest == '' then return false end
    local held = redis.call('HGET', metadata, id)
    return not held or redis.sha1hex(held) ~= digest
end
"""

# For each record: id, digest of the metadata it must have now ('' for any), vector ('' to keep), metadata, attributes,
# and whether the vector's length is not 1. Each is noted in the log: its text may have changed.
WRITE = (
    _BEGIN
    + """
for n = 3, #ARGV, 6 do
    if differs(ARGV[n], ARGV[n + 1]) then return redis.error_reply('CONFLICT') end
end
redis.call('HSETNX', namespaces, namespace, '0')
for n = 3, #ARGV, 6 do
    local id, vector, attributes = ARGV[n], ARGV[n + 2], ARGV[n + 4]
    redis.call('ZADD', ids, 0, id)
    redis.call('HSET', metadata, id, ARGV[n + 3])
    if vector ~= '' then
        redis.call('HSET', values, id, vector)
        redis.call(ARGV[n + 5] == '1' and 'SADD' or 'SREM', uneven, id)
        redis.call('HSET', pending, id, attributes)
    elseif redis.call('HEXISTS', pending, id) == 1 then
        redis.call('HSET', pending, id, attributes)
    else
        redis.call('VSETATTR', vectors, id, attributes)
    end
    note(id)
end
"""
)

# For each record: id, digest of the metadata it must have ('' for any).
DELETE = (
    _BEGIN
    + """
for n = 3, #ARGV, 2 do
    if differs(ARGV[n], ARGV[n + 1]) then return redis.error_reply('CONFLICT') end
end
local gone = {}
for n = 3, #ARGV, 2 do
    local id = ARGV[n]
    if redis.call('ZREM', ids, id) == 1 then
        redis.call('HDEL', values, id)
        redis.call('HDEL', metadata, id)
        redis.call('SREM', uneven, id)
        redis.call('HSET', pending, id, '')
        note(id)
        gone[#gone + 1] = id
    end
end
return gone
"""
)

# ARGV[3]: '1' to forget the namespace itself too. Answers whether there was such a namespace.
CLEAR = (
    _BEGIN
    + """
local known = redis.call('EXISTS', ids) == 1 or redis.call('HGET', namespaces, namespace) == '1'
redis.call('UNLINK', ids, values, metadata, uneven, pending, vectors)
if ARGV[3] == '1' then redis.call('HDEL', namespaces, namespace) end
if known then note('') end
return known and 1 or 0
"""
)

# Answers 0 where the namespace was there before.
CREATE_NAMESPACE = (
    _BEGIN
    + """
if redis.call('EXISTS', ids) == 1 or redis.call('HGET', namespaces, namespace) == '1' then return 0 end
redis.call('HSET', namespaces, namespace, '1')
return 1
"""
)

# ARGV from the third: ids.
LINK = (
    _BEGIN
    + """
for n = 3, #ARGV do
    local id = ARGV[n]
    local attributes = redis.call('HGET', pending, id)
    local vector = attributes and redis.call('HGET', values, id)
    if vector then
        redis.call('VADD', vectors, 'FP32', vector, id, 'Q8', 'SETATTR', attributes)
    elseif attributes then
        redis.call('VREM', vectors, id)
    end
    redis.call('HDEL', pending, id)
end
"""
)

# KEYS: the catalog, live, log. ARGV: name, what the catalog is to say of it. Answers what it says already, or nothing.
CREATE_INDEX = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then return held end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[1])
redis.call('XADD', KEYS[3], '*', 'namespace', '', 'id', '')
"""

# KEYS: the catalog, live, the indexes being removed. ARGV: name, what the catalog said, what it is to say ('' to drop),
# the index's uid.
CHANGE_INDEX = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return redis.error_reply('CONFLICT') end
if ARGV[3] ~= '' then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
    return
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('UNLINK', KEYS[2])
redis.call('SADD', KEYS[3], ARGV[4])
"""

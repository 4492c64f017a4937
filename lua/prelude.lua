-- SPDX-License-Identifier: GPL-3.0-or-later
-- prelude: builds the world that configuration files see (spec: modules.md 27.2 to 27.8) on top of
-- the C tables in `C`. Returns the table of globals for user files.
local C = ...
local fail = C.misc.fail
local protected = { worker = true, env = true, modules = true, cache = true, net = true }

-- ---- tables with options ----

local function names_of(...)
	local names, seen = {}, {}
	for _, part in ipairs({...}) do
		for name in pairs(part) do
			if not seen[name] then names[#names + 1] = name end
			seen[name] = true
		end
	end
	table.sort(names)
	return table.concat(names, ', ')
end

-- A table whose fields are functions (also set by assignment: `net.bufsize = 1232`), getters and
-- setters; `other` resolves what is none of them. Unknown names are mistakes, not nil.
local function option_table(name, functions, getters, setters, other, append)
	local function unknown(key)
		fail(name .. '.' .. tostring(key), 'no such option; ' .. name .. ' has ' ..
			names_of(functions, getters, setters))
	end
	return setmetatable({}, {
		__index = function (_, key)
			if functions[key] then return functions[key] end
			if getters[key] then return getters[key]() end
			local value = other and other(key)
			if value == nil then unknown(key) end
			return value
		end,
		__newindex = function (_, key, value)
			if type(key) == 'number' and append then append(value)
			elseif setters[key] then setters[key](value)
			elseif functions[key] and not getters[key] then functions[key](value)
			else unknown(key) end
		end,
		__metatable = name,
	})
end

-- List items in their order, then the named ones by name: the same file gives the same result.
local function assign_all(target, values)
	local keys, count = {}, #values
	for i = 1, count do target[i] = values[i] end
	for key in pairs(values) do
		if not (type(key) == 'number' and key >= 1 and key <= count) then keys[#keys + 1] = key end
	end
	table.sort(keys, function (a, b) return tostring(a) < tostring(b) end)
	for _, key in ipairs(keys) do target[key] = values[key] end
end

-- ---- net ----

local NEST_MAX = 8 -- lists in lists of addresses; deeper is a table that contains itself

local function collect_addresses(value, found, depth)
	if type(value) ~= 'table' then
		found[#found + 1] = value
		return
	end
	if depth > NEST_MAX then fail('net.listen', 'lists are nested too deeply; give a plain list') end
	if value.addr ~= nil then value = value.addr end -- an interface: net.eth0
	if type(value) ~= 'table' then
		found[#found + 1] = value
		return
	end
	for _, item in ipairs(value) do collect_addresses(item, found, depth + 1) end
end

local function check_flags(port, flags)
	if type(flags) ~= 'table' then fail('net.listen', 'flags must be a table; write { tls = false }') end
	for key in pairs(flags) do
		if key ~= 'tls' and key ~= 'kind' and key ~= 'freebind' then
			fail('net.listen', ("unknown flag '%s'; there are tls, kind and freebind"):format(tostring(key)))
		end
	end
	local tls = flags.tls
	if tls == nil then tls = port == 853 and flags.kind == nil end
	if flags.kind ~= nil and flags.kind ~= 'dns' then
		fail('net.listen', ("kind '%s' is not available in this version; leave it out"):format(tostring(flags.kind)))
	end
	if tls then
		fail('net.listen', 'DNS over TLS is not available in this version; use another port or { tls = false }')
	end
end

local function net_listen(...)
	local count = select('#', ...)
	local value, port, flags = ...
	if count < 1 or count > 3 then
		fail('net.listen', 'wrong number of arguments; net.listen(addresses[, port = 53[, flags]])')
	end
	if port == nil then port = 53 end
	check_flags(port, flags == nil and {} or flags)
	local found = {}
	collect_addresses(value, found, 0)
	if value == nil then fail('net.listen', "bad type for address: nil; give a text such as '127.0.0.1'") end
	for _, address in ipairs(found) do C.net.listen(address, port, flags and flags.freebind) end
	return true
end

local function net_close(...)
	local count = select('#', ...)
	if count < 1 or count > 2 then
		fail('net.close', 'wrong number of arguments; net.close(address[, port])')
	end
	return C.net.close(...)
end

-- DECIDE-22: a list, since one address may have several ports; net.list()['127.0.0.1'] gives the
-- older form of the first port of that address.
local function net_list()
	return setmetatable(C.net.list(), { __index = function (list, ip)
		local entry
		for _, item in ipairs(list) do
			local transport = item.transport
			if transport.ip == ip and (not entry or entry.port == transport.port) then
				entry = entry or { port = transport.port, udp = false, tcp = false, tls = false }
				entry[transport.protocol] = true
			end
		end
		return entry
	end })
end

local net = option_table('net', {
	listen = net_listen, close = net_close, list = net_list, interfaces = C.net.interfaces,
	bufsize = C.net.bufsize, tcp_pipeline = C.net.tcp_pipeline, tcp_in_idle = C.net.tcp_in_idle,
	outgoing_v4 = C.net.outgoing_v4, outgoing_v6 = C.net.outgoing_v6, allow = C.net.allow,
}, {
	ipv4 = function () return C.net.family('ipv4') end,
	ipv6 = function () return C.net.family('ipv6') end,
}, {
	ipv4 = function (value) C.net.family('ipv4', value) end,
	ipv6 = function (value) C.net.family('ipv6', value) end,
}, function (key) return C.net.interfaces()[key] end, net_listen)

-- ---- cache, worker, env ----

local cache = option_table('cache', {
	open = C.cache.open, close = C.cache.close, backends = C.cache.backends, count = C.cache.count,
	stats = C.cache.stats, max_ttl = C.cache.max_ttl, min_ttl = C.cache.min_ttl,
	ns_tout = C.cache.ns_tout, get = C.cache.get, clear = C.cache.clear,
}, {
	size = C.cache.current_size, storage = C.cache.current_storage,
	current_size = function () return C.cache.current_size() end,
	current_storage = function () return C.cache.current_storage() end,
}, { size = C.cache.set_size, storage = C.cache.set_storage })
-- These are nil before the cache is open, which is an answer and no mistake.
do
	local meta = debug.getmetatable(cache)
	local index = meta.__index
	local may_be_nil = {
		size = C.cache.current_size, current_size = C.cache.current_size,
		storage = C.cache.current_storage, current_storage = C.cache.current_storage,
	}
	meta.__index = function (table_, key)
		if may_be_nil[key] then return may_be_nil[key]() end
		return index(table_, key)
	end
end

local worker = option_table('worker', { stats = C.worker.stats }, {
	id = function () return C.worker.get().id end,
	pid = function () return C.worker.get().pid end,
	count = function () return C.worker.get().count end,
	cwd = function () return C.worker.get().cwd end,
}, {})

local env = setmetatable({}, {
	__index = function (_, name) return C.misc.getenv(name) end,
	__newindex = function (_, name)
		fail('env.' .. tostring(name), 'the environment is read only; set it where troupe is started')
	end,
	__metatable = 'env',
})

-- ---- hints ----

local function hints_later(name)
	return function ()
		fail('hints.' .. name, 'static hints are not available in this version; hints.root and hints.root_file are')
	end
end

local hints = option_table('hints', {
	root = C.hints.root, root_file = C.hints.root_file, config = hints_later('config'),
	add_hosts = hints_later('add_hosts'), get = hints_later('get'), set = hints_later('set'),
	del = hints_later('del'), use_nodata = hints_later('use_nodata'), ttl = hints_later('ttl'),
}, {}, {})

-- ---- modules ----

local globals -- the table behind user files, below

-- What this version has, in call order; `load` and `unload` change what they stand for.
local known = {
	iterate = { fixed = true }, cache = { fixed = true }, policy = {}, hints = {},
	priming = {
		load = function () C.misc.prime(true) end,
		unload = function () C.misc.prime(false) end,
	},
}
local loaded = { 'iterate', 'cache', 'policy', 'priming', 'hints' }

local function position(name)
	for i, other in ipairs(loaded) do
		if other == name then return i end
	end
end

local function modules_load(text)
	if type(text) ~= 'string' then
		fail('modules.load', "expected a name; write modules.load('hints')")
	end
	local name, order, reference = text:match('^%s*([%w_]+)%s*([<>]?)%s*([%w_]*)%s*$')
	if not name or (order == '') ~= (reference == '') then
		fail('modules.load', ("'%s' is not understood; write 'name', 'name < other' or 'name > other'"):format(text))
	end
	if not known[name] then
		fail('modules.load', ("'%s': No such file or directory; this version has %s"):format(name, names_of(known)))
	end
	-- Checked before anything changes: a bad reference must not cost the module its place.
	if reference ~= '' and (reference == name or not position(reference)) then
		fail('modules.load', ("'%s': referenced module not found; loaded are %s"):format(reference,
			table.concat(loaded, ', ')))
	end
	if position(name) then table.remove(loaded, position(name)) end
	local at = #loaded + 1
	if order == '<' then at = position(reference) elseif order == '>' then at = position(reference) + 1 end
	table.insert(loaded, at, name)
	if known[name].load then known[name].load() end
	return true
end

local function modules_unload(name)
	if not known[name] or not position(name) then
		fail('modules.unload', ("'%s' is not loaded; loaded are %s"):format(tostring(name),
			table.concat(loaded, ', ')))
	end
	if known[name].fixed then
		fail('modules.unload', ("'%s' cannot be unloaded; remove this line"):format(name))
	end
	table.remove(loaded, position(name))
	if known[name].unload then known[name].unload() end
	return true
end

local function modules_list()
	local list = {}
	for i, name in ipairs(loaded) do list[i] = name end
	return list
end

-- modules = { 'hints', policy = true }: named modules with a value would be configured by it.
local modules = option_table('modules', {
	load = modules_load, unload = modules_unload, list = modules_list,
}, {}, setmetatable({}, { __index = function (_, name)
	if type(name) ~= 'string' or not known[name] then return nil end
	return function (value)
		modules_load(name)
		if value ~= true then
			fail('modules.' .. name, 'takes no configuration in this version; write ' .. name .. ' = true')
		end
	end
end }), nil, modules_load)
debug.getmetatable(modules).__newindex = (function (newindex)
	return function (table_, key, value)
		if type(key) == 'string' and not known[key] then modules_load(key) end -- fails, and says why
		return newindex(table_, key, value)
	end
end)(debug.getmetatable(modules).__newindex)

-- ---- globals ----

local module_folder = '/usr/lib/troupe/modules'

local function moduledir(path)
	if path ~= nil then
		if type(path) ~= 'string' then fail('moduledir', "expected a path; write moduledir('/path')") end
		module_folder = path
	end
	return module_folder
end

local kB, second = 1024, 1000
globals = {
	net = net, cache = cache, worker = worker, env = env, hints = hints, modules = modules,
	kB = kB, KB = kB, MB = 1024 * kB, GB = 1024 * 1024 * kB,
	sec = second, second = second, minute = 60 * second, min = 60 * second,
	hour = 3600 * second, day = 24 * 3600 * second,
	LOG_CRIT = 2, LOG_ERR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7,
	option = C.misc.option, mode = C.misc.mode, verbose = C.misc.verbose,
	hostname = C.misc.hostname, todname = C.misc.todname, kres = { str2dname = C.misc.todname },
	log = C.misc.log, warn = C.misc.warn, panic = C.misc.panic,
	package_version = C.misc.package_version, moduledir = moduledir,
	policy = C.policy(C.forwards, C.misc),
}

-- Names that configurations for later versions use: better a clear word than "a nil value".
local later = {}
for name in ([[user resolve reorder_RR tojson fromjson table_print help quit map event trust_anchors
	stats view http daf predict rebinding graphite etcd dns64 renumber bogus_log nsid workarounds
	dnstap ta_signal_query ta_sentinel detect_time_skew detect_time_jump serve_stale prefill
	experimental_dot_auth edns_keepalive refuse_nord watchdog log_level log_target log_groups
	]]):gmatch('%S+') do
	later[name] = true
end

for name, value in pairs(globals) do _G[name] = value end
if C.is_pure then
	for _, name in ipairs({ 'io', 'package', 'require', 'module', 'dofile', 'loadfile', 'load',
		'loadstring', 'getfenv', 'setfenv', 'newproxy', 'jit', 'collectgarbage', 'print' }) do
		_G[name] = nil
	end
	os = { time = os.time, clock = os.clock, date = os.date }
	string.dump, string.rep = nil, nil
else
	_G.ffi = require('ffi')
end

-- User globals live in front of the real ones. A table assigned to a protected name does not
-- replace it: each pair in it is assigned.
local base = _G
local user = setmetatable({}, {
	__index = function (_, key)
		local value = base[key]
		if value == nil and later[key] then
			fail(key, 'not available in this version; remove it from the configuration')
		end
		return value
	end,
	__newindex = function (table_, key, value)
		if not protected[key] then
			if later[key] then
				fail(key, 'not available in this version; remove it from the configuration')
			end
			rawset(table_, key, value)
		elseif type(value) == 'table' then
			assign_all(globals[key], value)
		else
			fail(key, ('cannot become a %s; assign a table of its options'):format(type(value)))
		end
	end,
	__metatable = 'globals',
})
if C.is_pure then base._G, base.debug = nil, nil else user._G = user end
return user

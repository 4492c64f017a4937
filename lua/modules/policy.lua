-- SPDX-License-Identifier: GPL-3.0-or-later
-- policy: the two forms of rules that this version has (spec: modules.md 3), both about where
-- questions are sent:
--   policy.add(policy.all(policy.FORWARD({ '192.0.2.1', '2001:db8::1@5353' })))
--   policy.add(policy.suffix(policy.STUB('192.0.2.1'), { todname('example.com') }))
-- The first rule that fits a name decides.
local forwards, misc = ...
local policy = { rules = {} }

local function action(kind)
	return function (targets)
		if type(targets) ~= 'table' then targets = { targets } end
		forwards.check('policy.' .. kind, targets)
		return { kind = kind, targets = targets }
	end
end

policy.FORWARD = action('FORWARD')
policy.STUB = action('STUB')

local function rule(option, what, names)
	if type(what) ~= 'table' or not what.kind then
		misc.fail(option, 'expected an action; give policy.FORWARD(...) or policy.STUB(...)')
	end
	return { action = what, names = names }
end

function policy.all(what)
	return rule('policy.all', what, { '\0' })
end

function policy.suffix(what, names)
	if type(names) == 'string' then names = { names } end
	if type(names) ~= 'table' or #names == 0 then
		misc.fail('policy.suffix', "no names; write policy.suffix(action, { todname('example.com') })")
	end
	return rule('policy.suffix', what, names)
end

-- Returns the rule's description. policy:add(rule) of old configurations works too.
function policy.add(first, second)
	local added = first == policy and second or first
	if type(added) ~= 'table' or not added.action then
		misc.fail('policy.add', 'expected a rule; give policy.all(...) or policy.suffix(...)')
	end
	for _, name in ipairs(added.names) do
		forwards.add(name, added.action.kind, added.action.targets)
	end
	-- DECIDE-16: ids count from 1.
	local description = { id = #policy.rules + 1, cb = added, count = 0 }
	policy.rules[description.id] = description
	return description
end

function policy.todnames(names)
	if type(names) ~= 'table' then
		misc.fail('policy.todnames', "expected a list; write policy.todnames({ 'example.com' })")
	end
	for i, name in ipairs(names) do names[i] = misc.todname(name) end
	return names
end

return setmetatable(policy, {
	__index = function (_, name)
		misc.fail('policy', ('policy.%s is not available in this version; there are FORWARD and STUB with all and suffix'):format(tostring(name)))
	end,
	__metatable = 'policy',
})

'use strict';

// The implementation is CommonJS, which all of Node's test runners load by default.
const { SandboxError } = require('./lib/control.cjs');
const { Sandbox, startSandbox } = require('./lib/sandbox.cjs');
const { World } = require('./lib/world.cjs');

module.exports = { Sandbox, SandboxError, World, startSandbox };

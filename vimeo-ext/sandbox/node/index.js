import sandbox from './index.cjs';

export const { Sandbox, SandboxError, World, startSandbox } = sandbox;

// The same tests, next to those of the other file.
import './first.vitest.mjs';

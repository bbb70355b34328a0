import { registerHooks } from 'node:module';

// Loaded before a program by `--import`, which its threads inherit: a machine for which there is no libsodium.

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'sodium-native') throw new Error('this machine has no libsodium');
    return next(specifier, context);
  },
});

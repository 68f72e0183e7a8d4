/** The unmodified `firebase` SDK in Node, pointed at a server by its emulator switch (auth specification, 20.1). */

import { deleteApp, initializeApp } from 'firebase/app';
import { connectAuthEmulator, inMemoryPersistence, initializeAuth } from 'firebase/auth';

let apps = 0;

/** An `Auth` of a new app; its app is deleted after `context`. */
export function authOf(context, { url, apiKey, projectId }) {
  apps += 1;
  const app = initializeApp({ apiKey, projectId }, `app-${apps}`);
  context.after(() => deleteApp(app));
  const auth = initializeAuth(app, { persistence: inMemoryPersistence });
  connectAuthEmulator(auth, url, { disableWarnings: true });
  return auth;
}

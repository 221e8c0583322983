import { describePeerLibrary } from './testing/describe-peer-library.ts';
import { WeriftLibrary } from './werift-library.ts';

describePeerLibrary('werift', async () => new WeriftLibrary(await import('werift')));

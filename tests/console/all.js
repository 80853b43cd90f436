import './message_test.js';
import './transactions_test.js';
import './desk_call_test.js';
import './phone_call_test.js';
import './registration_test.js';
import './transport_test.js';
import './devices_test.js';
import './model_test.js';
import './desk_test.js';
import './keys_test.js';
import './notices_test.js';
import './looks_test.js';
import './people_test.js';
import './sentences_test.js';
import './words_test.js';
import { runAll } from './harness.js';

export const outcome = await runAll();

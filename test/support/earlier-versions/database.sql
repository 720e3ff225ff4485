CREATE TABLE connections (
  revision TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  access_token TEXT NOT NULL,
  metadata TEXT NOT NULL,
  connected_at_ms INTEGER NOT NULL,
  token_invalidated INTEGER NOT NULL,
  UNIQUE (account_id, owner)
) STRICT;
CREATE TABLE used_states (
  id TEXT PRIMARY KEY,
  expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX used_states_by_expiry ON used_states (expires_at_ms);
INSERT INTO connections VALUES ('b241206b-863f-4439-9f6a-f621d4ed4430', 'connection-1', 'acme', 'u1', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiazEiLCJ0eXAiOiJ0b2tlbiJ9..dmMTw5x9FcbYKttX.HhZeDKd3fwDM8z8tGOCIEqp0icsvHtOQ3bdlFHhE7WdMbJwZIH8q6LPDdeeGSKPKzsE241Uic0E-Ig.MskCyVyIE74zhxoHMxuurA', '{"dc":"us19","userId":"42","accountName":"Acme \"Überseehandel\""}', 1795161600123, 0);
INSERT INTO connections VALUES ('8acbaffb-584f-403a-b950-041ea66cb630', 'connection-2', 'acme', 'u2', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiazEiLCJ0eXAiOiJ0b2tlbiJ9..RO-Pvs2t5MIMc0H5.IvNgB4omHqRRjUSx8Jma4gNQ1yhyIjSaYo_kkygTSq69Maqj7Ajj16sXQ3dMo5H0bmQASl6pC2D9dQ.7jlOXkcq3NRS1VWct_hsTg', '{"dc":"us1"}', 1795248000000, 1);
INSERT INTO used_states VALUES ('state-1', 4070908800000);
PRAGMA user_version = 1;

-- Who an account is among the dancers is claimed like a name: of two accounts that signed up in one browser the first keeps it.
INSERT OR IGNORE INTO account_names (kind, name, account, claimed_at)
  SELECT 'person', person, id, created_at FROM accounts ORDER BY created_at, id;
-- The others become somebody new: sixteen bytes as base64url has them, where hexadecimal digits stand for themselves and A ends it.
UPDATE accounts SET person = substr(lower(hex(randomblob(11))), 1, 21) || 'A', version = version + 1
  WHERE id NOT IN (SELECT account FROM account_names WHERE kind = 'person');
INSERT OR IGNORE INTO account_names (kind, name, account, claimed_at) SELECT 'person', person, id, created_at FROM accounts;

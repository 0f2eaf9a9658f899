-- What an attempt read from and wrote to devices, by its control group.
ALTER TABLE attempts ADD COLUMN device_read_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN device_write_bytes INTEGER NOT NULL DEFAULT 0;

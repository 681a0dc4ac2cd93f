//! The kind of an event, by its name.
//!
//! Names are compared exactly, and a name that is not listed here is [`EventKind::Unknown`]. Whether the event has
//! enough fields to act on is decided in `event_fields`.

/// The kind of change that the name of an event reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    /// An object was written.
    Created,
    /// A key, a version or a delete marker was removed, or a delete marker was added.
    Removed,
    /// A lifecycle rule removed something. The event's time can be wrong: it may be midnight.
    Expired,
    /// Something that a listing shows may have changed.
    Changed,
    /// Nothing that a listing shows has changed.
    Irrelevant,
    /// CloudTrail recorded a request.
    CloudTrail,
    /// The name is unknown.
    Unknown,
}

/// The end of the `detail-type` of CloudTrail's events, such as `AWS API Call via CloudTrail`.
const CLOUDTRAIL: &str = " via CloudTrail";

impl EventKind {
    /// The kind of an event by its name on SQS and SNS, without `s3:`.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
    pub(super) fn of_s3_name(name: &str) -> Self {
        let (family, action) = name.split_once(':').unwrap_or((name, ""));
        match (family, action) {
            // MinIO sends these for an object whose content does not change.
            ("ObjectCreated", "PutTagging" | "DeleteTagging" | "PutRetention" | "PutLegalHold") => {
                Self::Irrelevant
            }
            ("ObjectCreated", _) => Self::Created,
            ("ObjectRemoved", "Delete" | "DeleteMarkerCreated") => Self::Removed,
            ("ObjectRemoved", _) => Self::Changed,
            // The second name is MinIO's.
            ("LifecycleExpiration" | "LifecycleDelMarkerExpiration", _) => Self::Expired,
            // Ceph's name. Its times may be as wrong as AWS's times.
            ("ObjectLifecycle", _) => Self::Expired,
            ("LifecycleTransition" | "ObjectRestore" | "IntelligentTiering", _) => Self::Changed,
            ("ReducedRedundancyLostObject", _) => Self::Changed,
            // A transition to a tier in MinIO, and a copy from another zone in Ceph.
            ("ObjectTransition" | "ObjectSynced", _) => Self::Changed,
            ("ObjectTagging" | "ObjectAcl" | "ObjectAnnotation", _) => Self::Irrelevant,
            ("ObjectRetention" | "ObjectLegalHold" | "Replication", _) => Self::Irrelevant,
            // MinIO sends this for reads.
            ("ObjectAccessed", _) => Self::Irrelevant,
            _ => Self::Unknown,
        }
    }

    /// The kind of an event by its `detail-type` on EventBridge. A deletion is [`EventKind::Changed`]: its other
    /// fields say more.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html>
    pub(super) fn of_detail_type(detail_type: &str) -> Self {
        match detail_type {
            "Object Created" => Self::Created,
            "Object Deleted"
            | "Object Restore Initiated"
            | "Object Restore Completed"
            | "Object Restore Expired"
            | "Object Storage Class Changed"
            | "Object Access Tier Changed" => Self::Changed,
            "Object ACL Updated" | "Object Tags Added" | "Object Tags Deleted" => Self::Irrelevant,
            _ if detail_type.ends_with(CLOUDTRAIL) => Self::CloudTrail,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_names_on_sqs_and_sns() {
        use EventKind::*;
        for (name, kind) in [
            ("ObjectCreated:Put", Created),
            ("ObjectCreated:Post", Created),
            ("ObjectCreated:Copy", Created),
            ("ObjectCreated:CompleteMultipartUpload", Created),
            ("ObjectCreated:OfTomorrow", Created),
            ("ObjectCreated:PutTagging", Irrelevant),
            ("ObjectCreated:PutRetention", Irrelevant),
            ("ObjectRemoved:Delete", Removed),
            ("ObjectRemoved:DeleteMarkerCreated", Removed),
            ("ObjectRemoved:NoOP", Changed),
            ("ObjectRemoved:DeleteAllVersions", Changed),
            ("LifecycleExpiration:Delete", Expired),
            ("LifecycleExpiration:DeleteMarkerCreated", Expired),
            ("LifecycleDelMarkerExpiration:Delete", Expired),
            ("ObjectLifecycle:Expiration:Current", Expired),
            ("ObjectLifecycle:Transition:Current", Expired),
            ("LifecycleTransition", Changed),
            ("IntelligentTiering", Changed),
            ("ObjectRestore:Post", Changed),
            ("ObjectRestore:Completed", Changed),
            ("ObjectRestore:Delete", Changed),
            ("ReducedRedundancyLostObject", Changed),
            ("ObjectTransition:Complete", Changed),
            ("ObjectSynced:Create", Changed),
            ("ObjectTagging:Put", Irrelevant),
            ("ObjectTagging:Delete", Irrelevant),
            ("ObjectAcl:Put", Irrelevant),
            ("ObjectAnnotation:Put", Irrelevant),
            ("ObjectAnnotation:Delete", Irrelevant),
            ("ObjectRetention:Put", Irrelevant),
            ("Replication:OperationFailedReplication", Irrelevant),
            ("Replication:OperationNotTracked", Irrelevant),
            ("ObjectAccessed:Get", Irrelevant),
            ("ObjectCreatedByMe:Put", Unknown),
            ("objectcreated:put", Unknown),
            ("BucketCreated:*", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(EventKind::of_s3_name(name), kind, "{name}");
        }
    }

    #[test]
    fn kinds_by_detail_types_on_eventbridge() {
        use EventKind::*;
        for (detail_type, kind) in [
            ("Object Created", Created),
            ("Object Deleted", Changed),
            ("Object Restore Initiated", Changed),
            ("Object Restore Completed", Changed),
            ("Object Restore Expired", Changed),
            ("Object Storage Class Changed", Changed),
            ("Object Access Tier Changed", Changed),
            ("Object ACL Updated", Irrelevant),
            ("Object Tags Added", Irrelevant),
            ("Object Tags Deleted", Irrelevant),
            ("AWS API Call via CloudTrail", CloudTrail),
            ("AWS Service Event via CloudTrail", CloudTrail),
            ("object created", Unknown),
        ] {
            assert_eq!(
                EventKind::of_detail_type(detail_type),
                kind,
                "{detail_type}"
            );
        }
    }
}
